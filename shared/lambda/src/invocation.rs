//! Serves invocations: when each began, whether its end is near, and what its handler answers.

use lambda_runtime::{LambdaEvent, service_fn};
use lethe_domain::time::{EpochMillis, EpochSeconds};
use lethe_stages::invocation::Invocation;
use serde_json::Value;

use crate::clock::{self, PauseAt};
use crate::failure::InvocationError;

/// Serves events until Lambda ends the process.
pub async fn serve(
    handle: impl AsyncFn(Value, Invocation<'_>) -> Result<Value, InvocationError>,
) -> Result<(), lambda_runtime::Error> {
    lambda_runtime::run(service_fn(|event: LambdaEvent<Value>| one(&handle, event))).await
}

async fn one(
    handle: &impl AsyncFn(Value, Invocation<'_>) -> Result<Value, InvocationError>,
    event: LambdaEvent<Value>,
) -> Result<Value, InvocationError> {
    let began = clock::now_millis();
    let deadline = EpochMillis(i64::try_from(event.context.deadline).unwrap_or(i64::MAX));
    let pause_at = PauseAt::before(deadline, began);
    let should_pause = || pause_at.has_come(clock::now_millis());
    let has_come = |moment: EpochSeconds| moment <= clock::now();
    let at = Invocation { now: began.to_seconds(), should_pause: &should_pause, has_come: &has_come };
    handle(event.payload, at).await
}

#[cfg(test)]
mod tests {
    use lambda_runtime::Context;
    use serde_json::json;

    use super::*;

    fn event(deadline: u64) -> LambdaEvent<Value> {
        let mut context = Context::default();
        context.deadline = deadline;
        LambdaEvent::new(json!(null), context)
    }

    #[tokio::test(flavor = "current_thread")]
    async fn a_handler_is_told_the_time_and_whether_to_pause() {
        let now = clock::now();
        let handle = async |_event, at: Invocation<'_>| Ok(json!([at.now.0 - now.0, (at.should_pause)()]));
        let far = u64::try_from(now.plus(std::time::Duration::from_mins(15)).to_millis().0).unwrap();
        let answer = one(&handle, event(far)).await.unwrap();
        assert!(answer[0].as_i64().is_some_and(|seconds| (0..60).contains(&seconds)));
        assert_eq!(answer[1], json!(false));
        assert_eq!(one(&handle, event(0)).await.unwrap()[1], json!(true));
        let handle = async |_event, at: Invocation<'_>| {
            Ok(json!([(at.has_come)(at.now), (at.has_come)(EpochSeconds(at.now.0 + 3600))]))
        };
        assert_eq!(one(&handle, event(far)).await.unwrap(), json!([true, false]));
    }
}
