//! Scripted answers of a service, for what neither a fake nor a local cloud ever says.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};

use aws_config::{BehaviorVersion, Region, SdkConfig};
use aws_sdk_dynamodb::config::http::{HttpRequest, HttpResponse};
use aws_sdk_dynamodb::config::retry::RetryConfig;
use aws_sdk_dynamodb::config::{Credentials, SharedCredentialsProvider};
use aws_smithy_async::time::StaticTimeSource;
use aws_smithy_runtime_api::client::http::{
    HttpConnector, HttpConnectorFuture, SharedHttpConnector, http_client_fn,
};

/// Answers in order, and what was asked.
#[derive(Clone, Debug, Default)]
pub(crate) struct Script(Arc<Mutex<State>>);

#[derive(Debug, Default)]
struct State {
    answers: VecDeque<Answer>,
    asked: Vec<String>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    date: &'static str,
    body: String,
}

impl Script {
    /// The next answer, given at some moment of 2027.
    pub(crate) fn answer(&self, status: u16, body: &str) -> &Self {
        self.answer_at("Fri, 15 Jan 2027 08:00:00 GMT", status, body)
    }

    /// The next answer, given then.
    pub(crate) fn answer_at(&self, date: &'static str, status: u16, body: &str) -> &Self {
        let answer = Answer { status, date, body: body.to_owned() };
        self.0.lock().unwrap().answers.push_back(answer);
        self
    }

    /// Method, address and body of every request so far.
    pub(crate) fn asked(&self) -> Vec<String> {
        self.0.lock().unwrap().asked.clone()
    }

    /// A config whose clients are answered from here, each request once.
    pub(crate) fn config(&self) -> SdkConfig {
        let connector = SharedHttpConnector::new(self.clone());
        SdkConfig::builder()
            .behavior_version(BehaviorVersion::v2026_01_12())
            .region(Region::new("us-east-1"))
            .credentials_provider(SharedCredentialsProvider::new(Credentials::new(
                "id", "secret", None, None, "test",
            )))
            .retry_config(RetryConfig::disabled())
            // The moment of the answers, or they would be those of a service whose clock is off.
            .time_source(StaticTimeSource::from_secs(1_800_000_000))
            .http_client(http_client_fn(move |_, _| connector.clone()))
            .build()
    }
}

impl HttpConnector for Script {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let mut state = self.0.lock().unwrap();
        let body = String::from_utf8_lossy(request.body().bytes().unwrap_or_default()).into_owned();
        state.asked.push(format!("{} {} {body}", request.method(), request.uri()));
        let answer = state.answers.pop_front().expect("more was asked than the script answers");
        let mut response = HttpResponse::new(answer.status.try_into().unwrap(), answer.body.into());
        response.headers_mut().insert("date", answer.date);
        HttpConnectorFuture::ready(Ok(response))
    }
}
