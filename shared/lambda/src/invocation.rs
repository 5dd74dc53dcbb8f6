//! One invocation of a function: when it is, how long it may take, and the loop that serves them.

use std::fmt;

use lambda_runtime::{Context, LambdaEvent, service_fn};
use lethe_domain::time::{EpochMillis, EpochSeconds};
use serde_json::Value;

use crate::clock::{self, PauseAt};
use crate::failure::InvocationError;

/// What a handler knows of its invocation.
pub struct Invocation {
    /// The id that Lambda gave it.
    pub request_id: String,
    /// The time, read once.
    pub now: EpochSeconds,
    should_pause: Box<dyn Fn() -> bool>,
}

impl Invocation {
    /// An invocation at a given time; `should_pause` says whether its deadline is near.
    pub fn new(request_id: &str, now: EpochSeconds, should_pause: impl Fn() -> bool + 'static) -> Self {
        Self { request_id: request_id.to_owned(), now, should_pause: Box::new(should_pause) }
    }

    /// An invocation that begins now.
    pub fn begin(context: &Context) -> Self {
        let now = clock::now_millis();
        let deadline = EpochMillis(i64::try_from(context.deadline).unwrap_or(i64::MAX));
        let pause_at = PauseAt::before(deadline, now);
        Self::new(&context.request_id, now.to_seconds(), move || pause_at.has_come(clock::now_millis()))
    }

    /// Whether it is time to put the work away: the rest is somebody else's.
    pub fn should_pause(&self) -> bool {
        (self.should_pause)()
    }
}

impl fmt::Debug for Invocation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Invocation")
            .field("request_id", &self.request_id)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

/// Serves events until Lambda ends the process.
pub async fn serve(
    handle: impl AsyncFn(Value, &Invocation) -> Result<Value, InvocationError>,
) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| one(&handle, event))).await
}

async fn one(
    handle: &impl AsyncFn(Value, &Invocation) -> Result<Value, InvocationError>,
    event: LambdaEvent<Value>,
) -> Result<Value, InvocationError> {
    handle(event.payload, &Invocation::begin(&event.context)).await
}
