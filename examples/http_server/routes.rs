//! The paths, and what is behind them.

use crate::{
    answer::Answer,
    head::{BodyLength, Head},
};
use gort::runtime;
use num_bigint::BigUint;
use std::time::Duration;

/// The largest number of which the factorial is computed: the result has 77,338 digits.
const MOST_N: u32 = 20_000;
/// Up to this one it takes microseconds, and needs no thread of its own.
const QUICK_N: u32 = 200;
const MOST_MS: u32 = 60_000;

const METHODS: &[&str] = &[
    "GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH",
];

#[derive(Clone, Copy)]
pub(crate) enum Route {
    Hello,
    Echo,
    Factorial,
    Sleep,
}

/// What a request asks for; if there is no such thing, the answer that says so.
pub(crate) fn find(head: &Head) -> Result<Route, Answer> {
    if !METHODS.contains(&&*head.method) {
        return Err(Answer::text(501, "there is no such method"));
    }
    let path = head.target.split('?').next().unwrap_or_default();
    let (route, methods) = match path {
        "/" => (Route::Hello, "GET, HEAD"),
        "/echo" => (Route::Echo, "POST"),
        "/factorial" => (Route::Factorial, "GET, HEAD"),
        "/sleep" => (Route::Sleep, "GET, HEAD"),
        _ => return Err(Answer::text(404, "there is nothing here")),
    };
    if !methods.split(", ").any(|method| method == head.method) {
        let mut answer = Answer::text(405, &format!("the methods of {path}: {methods}"));
        answer.allow = Some(methods);
        return Err(answer);
    }
    if head.method == "POST" && head.body == BodyLength::None {
        return Err(Answer::text(411, "how long is the body?"));
    }
    Ok(route)
}

impl Route {
    pub(crate) fn call(self, head: &Head, body: Vec<u8>) -> Answer {
        match self {
            Self::Hello => Answer::text(200, "hello"),
            Self::Echo => Answer {
                status: 200,
                content_type: "application/octet-stream",
                allow: None,
                body,
            },
            Self::Factorial => match number(head, "n", MOST_N) {
                Ok(n) => Answer::text(200, &factorial(n)),
                Err(answer) => answer,
            },
            Self::Sleep => match number(head, "ms", MOST_MS) {
                Ok(ms) => {
                    gort::sleep(Duration::from_millis(u64::from(ms)));
                    Answer::text(200, &format!("slept {ms} ms"))
                }
                Err(answer) => answer,
            },
        }
    }
}

/// A number of the query.
fn number(head: &Head, name: &str, most: u32) -> Result<u32, Answer> {
    let query = head.target.split_once('?').map_or("", |(_, query)| query);
    let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
    let value = pairs.find(|(key, _)| *key == name).map(|(_, value)| value);
    let value = value
        .and_then(|value| value.parse().ok())
        .filter(|&value| value <= most);
    value.ok_or_else(|| Answer::text(400, &format!("?{name}= wants a number up to {most}")))
}

/// n! in decimal. A large one runs on a thread for blocking calls: while it is computed, the
/// goroutines of this thread go on.
fn factorial(n: u32) -> String {
    if n <= QUICK_N {
        return product(1, n).to_string();
    }
    runtime::blocking(move || product(1, n).to_string())
}

/// The product of the numbers from `low` to `high`, by halves: large factors meet large ones.
fn product(low: u32, high: u32) -> BigUint {
    if low > high {
        return BigUint::from(1_u32);
    }
    if high - low < 8 {
        return (low..=high).map(BigUint::from).product();
    }
    let middle = low.midpoint(high);
    product(low, middle) * product(middle + 1, high)
}
