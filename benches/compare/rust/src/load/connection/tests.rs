use super::*;
use crate::options::Mode;

const ANSWER: &[u8] = b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\nHello, world!";

fn exchange(mode: Mode, pipeline: usize) -> Exchange {
    let options = Options {
        addr: String::new(),
        mode,
        connections: 1,
        size: 4,
        pipeline,
        seconds: 1.0,
        warmup: 0.0,
        pid: None,
        idle: 0,
        touch: false,
        json: false,
    };
    Exchange::new(&options).unwrap()
}

#[test]
fn an_echo_is_whole_when_it_is_the_request() {
    let echo = exchange(Mode::Echo, 2);
    assert!(!echo.is_whole(&[0, 1, 2, 3, 0]).unwrap());
    assert!(echo.is_whole(&[0, 1, 2, 3, 0, 1, 2, 3]).unwrap());
    assert!(echo.is_whole(&[0, 1, 2, 3, 0, 1, 2, 3, 0]).is_err());
    assert!(echo.is_whole(&[0, 1, 2, 3, 0, 1, 2, 9]).is_err());
}

#[test]
fn an_http_answer_is_whole_with_its_body() {
    let http = exchange(Mode::Http, 1);
    for end in 0..ANSWER.len() {
        assert!(!http.is_whole(&ANSWER[..end]).unwrap(), "{end}");
    }
    assert!(http.is_whole(ANSWER).unwrap());
    assert!(http.is_whole(&[ANSWER, b"x"].concat()).is_err());
}

#[test]
fn all_answers_of_a_pipeline_are_waited_for_and_checked() {
    let http = exchange(Mode::Http, 3);
    assert!(!http.is_whole(&ANSWER.repeat(2)).unwrap());
    assert!(http.is_whole(&ANSWER.repeat(3)).unwrap());
    let wrong = [ANSWER, &ANSWER.to_ascii_uppercase(), ANSWER].concat();
    assert!(http.is_whole(&wrong).is_err());
}

#[test]
fn wrong_http_answers_are_errors() {
    for answer in [
        "HTTP/1.1 500 Oh\r\nContent-Length: 13\r\n\r\nHello, world!",
        "HTTP/1.1 200 OK\r\nContent-Length: 14\r\n\r\nHello, world!!",
        "HTTP/1.1 200 OK\r\n\r\nHello, world!",
        "+PONG\r\n",
    ] {
        assert!(
            exchange(Mode::Http, 1).is_whole(answer.as_bytes()).is_err(),
            "{answer}"
        );
    }
}

#[test]
fn delays_are_kept_as_they_are() {
    let now = Instant::now();
    let tally = Tally::new(Window {
        start: now,
        end: now,
    })
    .unwrap();
    tally.count(3, Duration::from_micros(20));
    tally.count(1, Duration::from_millis(700));
    assert_eq!(tally.requests.get(), 4);
    let delays = tally.delays.borrow();
    let (middle, max) = (delays.value_at_quantile(0.5), delays.max());
    assert!((20_000..20_100).contains(&middle), "{middle}");
    assert!((700_000_000..701_000_000).contains(&max), "{max}");
}
