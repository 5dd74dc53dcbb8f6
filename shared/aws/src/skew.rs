//! Holds this machine's clock to the services' own. Ages, cool-offs and locks are decided by the clock, so one that is
//! wrong would take what is young; a call whose answer shows that fails, and with it the work before it decides anything.

use std::time::{Duration, SystemTime};

use aws_sdk_dynamodb::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_dynamodb::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_sdk_dynamodb::error::BoxError;
use aws_sdk_dynamodb::primitives::{DateTime, DateTimeFormat};
use lethe_domain::limits::Limits;
use thiserror::Error;

/// The clock here and the service's are too far apart.
#[derive(Clone, Copy, Debug, Error, PartialEq, Eq)]
#[error("the clock is {seconds} s off the service's; up to {max_seconds} s are allowed")]
pub(crate) struct ClockSkew {
    /// How far, in whole seconds.
    pub(crate) seconds: u64,
    max_seconds: u64,
}

/// Compares the date of every answer with the clock that the client signs by.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ServiceClock;

impl Intercept for ServiceClock {
    fn name(&self) -> &'static str {
        "ServiceClock"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        components: &RuntimeComponents,
        _config: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date");
        // A service that does not say what time it is cannot be compared with.
        let date = date.and_then(|date| DateTime::from_str(date, DateTimeFormat::HttpDate).ok());
        let Some((date, clock)) = date.zip(components.time_source()) else { return Ok(()) };
        compare(SystemTime::try_from(date)?, clock.now(), Limits::production().max_clock_skew)?;
        Ok(())
    }
}

fn compare(service: SystemTime, here: SystemTime, max: Duration) -> Result<(), ClockSkew> {
    let apart = here.duration_since(service).unwrap_or_else(|behind| behind.duration());
    if apart <= max {
        return Ok(());
    }
    Err(ClockSkew { seconds: apart.as_secs(), max_seconds: max.as_secs() })
}

#[cfg(test)]
mod tests {
    use lethe_domain::token::TenantId;
    use lethe_stages::error::Retry;
    use lethe_stages::ports::Control;

    use crate::client::{Timeouts, dynamodb};
    use crate::control::DynamoControl;
    use crate::script::Script;

    /// Asks for a tenant's keys; what comes of it when the service answers with this date. The clock shows 08:00:00.
    async fn ask(date: &'static str) -> Result<(), (Retry, String)> {
        let script = Script::default();
        script.answer_at(date, 200, "{}");
        let client = dynamodb(&script.config(), &Timeouts::PRODUCTION);
        let control = DynamoControl::new(client, "control".to_owned());
        let answer = control.keys(&TenantId::new("acme").unwrap()).await;
        answer
            .map(|_| ())
            .map_err(|error| (error.retry(), std::error::Error::source(&error).unwrap().to_string()))
    }

    #[tokio::test]
    async fn a_clock_up_to_five_minutes_off_is_good_enough() {
        for date in [
            "Fri, 15 Jan 2027 08:00:00 GMT",
            "Fri, 15 Jan 2027 07:55:00 GMT",
            "Fri, 15 Jan 2027 08:05:00 GMT",
        ] {
            assert_eq!(ask(date).await, Ok(()), "{date}");
        }
    }

    #[tokio::test]
    async fn a_clock_further_off_fails_the_call_on_either_side() {
        for date in ["Fri, 15 Jan 2027 07:54:59 GMT", "Fri, 15 Jan 2027 08:05:01 GMT"] {
            let (retry, why) = ask(date).await.unwrap_err();
            assert_eq!(retry, Retry::Later, "{date}");
            assert!(why.starts_with("ClockSkew: 301 s"), "{why}");
        }
    }
}
