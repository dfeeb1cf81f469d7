//! What the context of a group gets to know of an error, or of a panic.

use crate::context::{self, Cause};
use std::{any::Any, error::Error, io, sync::Arc};

/// What a panic's payload says.
pub(crate) fn text_of(payload: &(dyn Any + Send)) -> &str {
    match payload.downcast_ref::<&'static str>() {
        Some(text) => text,
        None => payload.downcast_ref::<String>().map_or("?", |text| text),
    }
}

/// A cause that is a text.
pub(crate) fn text_cause(text: String) -> Cause {
    Cause::from(Box::<dyn Error + Send + Sync>::from(text))
}

/// The cause for errors of types that are known to give one: an error need not be one that can be
/// copied.
pub(crate) fn known_cause<E: 'static>(error: &E) -> Option<Cause> {
    let error: &dyn Any = error;
    if let Some(error) = error.downcast_ref::<Box<dyn Error + Send + Sync>>() {
        return Some(match error.downcast_ref::<context::Error>() {
            Some(ended) => Arc::new(*ended),
            None => match error.downcast_ref::<Cause>() {
                Some(cause) => Arc::clone(cause),
                None => text_cause(error.to_string()),
            },
        });
    }
    if let Some(cause) = error.downcast_ref::<Cause>() {
        return Some(Arc::clone(cause));
    }
    if let Some(ended) = error.downcast_ref::<context::Error>() {
        return Some(Arc::new(*ended));
    }
    if let Some(error) = error.downcast_ref::<io::Error>() {
        return Some(Arc::new(io::Error::new(error.kind(), error.to_string())));
    }
    let text = error
        .downcast_ref::<&'static str>()
        .map(|text| (*text).to_owned());
    text.or_else(|| error.downcast_ref::<String>().cloned())
        .map(text_cause)
}
