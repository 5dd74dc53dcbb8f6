//! Every port's suite, on the fake always and on the local cloud as well: a fake that behaves otherwise than the service
//! would make every test that stands on it worthless.

mod attributes;
mod cloud;
mod fakes;
mod local;
