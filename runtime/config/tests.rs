//! Tests of the settings: what wins, and what each bad value is told.
#![forbid(unsafe_code)]

use crate::runtime::{
    config::{
        Config, ConfigError, DEFAULT_STACK_SIZE, DeadlockPolicy, MAX_STACK_SIZE, MIN_STACK_SIZE,
        PanicPolicy, Settings, check_stack_size,
    },
    stuck::StuckHook,
};
use std::{ffi::OsString, io};

/// Resolves settings where one variable is set.
fn with(settings: Settings, name: &str, value: &str) -> Result<Config, ConfigError> {
    settings.resolve(&|asked| (asked == name).then(|| OsString::from(value)))
}

/// The text of the error that one variable causes.
#[track_caller]
fn complaint(name: &str, value: &str) -> String {
    with(Settings::default(), name, value)
        .expect_err("a bad value")
        .to_string()
}

fn defaults() -> Config {
    Settings::default()
        .resolve(&|_| None)
        .expect("defaults are good")
}

#[test]
fn defaults_are_as_documented() {
    let expected = Config {
        workers: num_cpus::get(),
        homes: 8 * num_cpus::get(),
        stack_size: if cfg!(debug_assertions) {
            1_048_576
        } else {
            262_144
        },
        max_blocking_threads: 512,
        panic: PanicPolicy::Isolate,
        deadlock: DeadlockPolicy::Exit,
        thread_name: "gort".to_owned(),
        on_stuck: StuckHook::default(),
    };
    assert_eq!(defaults(), expected);
    assert!(check_stack_size(DEFAULT_STACK_SIZE).is_ok());
}

#[test]
fn there_are_eight_homes_for_each_worker() {
    for workers in [1, 5, 1024] {
        let settings = Settings {
            workers: Some(workers),
            ..Settings::default()
        };
        let config = settings.resolve(&|_| None).expect("a good value");
        assert_eq!(config.homes, 8 * workers);
    }
    let config = with(Settings::default(), "GORT_WORKERS", "3");
    assert_eq!(config.map(|c| c.homes), Ok(24));
}

#[test]
fn empty_variables_count_as_unset() {
    let config = Settings::default().resolve(&|_| Some(OsString::new()));
    assert_eq!(config, Ok(defaults()));
}

#[test]
fn the_environment_wins_over_defaults() {
    let settings = Settings::default;
    for n in [1, 3, 1024] {
        let config = with(settings(), "GORT_WORKERS", &n.to_string());
        assert_eq!(config.map(|c| c.workers), Ok(n));
    }
    for n in [1, 3, 65_536] {
        let config = with(settings(), "GORT_HOMES", &n.to_string());
        assert_eq!(config.map(|c| c.homes), Ok(n));
    }
    for n in [1, 3, 65_536] {
        let config = with(settings(), "GORT_MAX_BLOCKING_THREADS", &n.to_string());
        assert_eq!(config.map(|c| c.max_blocking_threads), Ok(n));
    }
    let sizes = [
        ("65536", 65_536),
        ("64k", 65_536),
        ("64K", 65_536),
        ("1m", 1 << 20),
    ];
    for (text, bytes) in sizes
        .into_iter()
        .chain([("2M", 2 << 20), ("1024M", MAX_STACK_SIZE)])
    {
        let config = with(settings(), "GORT_STACK_SIZE", text);
        assert_eq!(config.map(|c| c.stack_size), Ok(bytes), "{text}");
    }
    let policies = [
        DeadlockPolicy::Exit,
        DeadlockPolicy::Warn,
        DeadlockPolicy::Off,
    ];
    for (text, policy) in ["exit", "warn", "off"].into_iter().zip(policies) {
        let config = with(settings(), "GORT_DEADLOCK", text);
        assert_eq!(config.map(|c| c.deadlock), Ok(policy));
    }
}

#[test]
fn there_are_eight_homes_for_each_worker_wherever_the_number_of_workers_comes_from() {
    for n in [1, 5, 1024] {
        let config = with(Settings::default(), "GORT_WORKERS", &n.to_string());
        assert_eq!(config.map(|c| c.homes), Ok(8 * n));
        let settings = Settings {
            workers: Some(n),
            ..Settings::default()
        };
        let config = with(settings, "GORT_WORKERS", "2");
        assert_eq!(config.map(|c| c.homes), Ok(8 * n));
    }
}

#[test]
fn fewer_homes_than_workers_are_allowed() {
    let settings = Settings {
        workers: Some(4),
        homes: Some(1),
        ..Settings::default()
    };
    let config = settings.resolve(&|_| None);
    assert_eq!(config.map(|c| (c.workers, c.homes)), Ok((4, 1)));
}

#[test]
fn explicit_settings_win_over_the_environment_even_a_bad_one() {
    let explicit = Config {
        workers: 7,
        homes: 9,
        stack_size: MIN_STACK_SIZE,
        max_blocking_threads: 11,
        panic: PanicPolicy::Exit,
        deadlock: DeadlockPolicy::Warn,
        thread_name: "w".to_owned(),
        on_stuck: StuckHook::new(|_| ()),
    };
    for value in ["8", "64k", "off", "nonsense"] {
        let settings = Settings {
            workers: Some(7),
            homes: Some(9),
            stack_size: Some(MIN_STACK_SIZE),
            max_blocking_threads: Some(11),
            panic: Some(PanicPolicy::Exit),
            deadlock: Some(DeadlockPolicy::Warn),
            thread_name: Some("w".to_owned()),
            on_stuck: explicit.on_stuck.clone(),
        };
        let config = settings.resolve(&|_| Some(OsString::from(value)));
        assert_eq!(config.as_ref(), Ok(&explicit));
    }
}

#[test]
fn bad_variables_are_named_with_what_is_allowed() {
    for bad in [
        "abc",
        "0",
        "-1",
        "+1",
        " 1",
        "1.5",
        "1k",
        "1025",
        "99999999999999",
        "٣",
    ] {
        let text = format!("GORT_WORKERS=\"{bad}\": it must be a whole number from 1 to 1024");
        assert_eq!(complaint("GORT_WORKERS", bad), text);
    }
    for bad in ["abc", "0", "-1", "1.5", "65537", "99999999999999999999999"] {
        let text = format!("GORT_HOMES=\"{bad}\": it must be a whole number from 1 to 65536");
        assert_eq!(complaint("GORT_HOMES", bad), text);
    }
    let sizes = [
        "abc", "0", "-1", "k", "1kk", "1g", "64 k", "15k", "16383", "1025M", "1é",
    ];
    for bad in sizes.into_iter().chain([
        "99999999999999",
        "99999999999999M",
        "9999999999999999999999",
    ]) {
        let text = format!(
            "GORT_STACK_SIZE=\"{bad}\": it must be a number of bytes from 16k to 1024M, \
             such as 262144, 256k or 1M"
        );
        assert_eq!(complaint("GORT_STACK_SIZE", bad), text);
    }
    for bad in ["abc", "0", "-1", "Exit", "exit ", "99999999999999"] {
        let text = format!("GORT_DEADLOCK=\"{bad}\": it must be exit, warn or off");
        assert_eq!(complaint("GORT_DEADLOCK", bad), text);
    }
}

#[cfg(unix)]
#[test]
fn variables_that_are_not_text_are_shown_escaped() {
    use std::os::unix::ffi::OsStringExt;
    for name in [
        "GORT_WORKERS",
        "GORT_HOMES",
        "GORT_STACK_SIZE",
        "GORT_DEADLOCK",
    ] {
        let bad = OsString::from_vec(vec![b'4', 0xff]);
        let environment = |asked: &str| (asked == name).then(|| bad.clone());
        let error = Settings::default()
            .resolve(&environment)
            .expect_err("a bad value");
        let text = error.to_string();
        assert!(
            text.starts_with(&format!("{name}=\"4\\xFF\": it must be ")),
            "{text}"
        );
    }
}

#[test]
fn bad_arguments_are_named_with_what_is_allowed() {
    let complaint = |settings: Settings| {
        settings
            .resolve(&|_| None)
            .expect_err("a bad value")
            .to_string()
    };
    for bad in [0, 1025, usize::MAX] {
        let text = format!("workers({bad}): it must be a whole number from 1 to 1024");
        assert_eq!(
            complaint(Settings {
                workers: Some(bad),
                ..Settings::default()
            }),
            text
        );
    }
    for bad in [0, 65_537, usize::MAX] {
        let text = format!("homes({bad}): it must be a whole number from 1 to 65536");
        assert_eq!(
            complaint(Settings {
                homes: Some(bad),
                ..Settings::default()
            }),
            text
        );
    }
    for bad in [0, MIN_STACK_SIZE - 1, MAX_STACK_SIZE + 1, usize::MAX] {
        let text = format!("stack_size({bad}): it must be a number of bytes from 16k to 1024M");
        assert_eq!(
            complaint(Settings {
                stack_size: Some(bad),
                ..Settings::default()
            }),
            text
        );
    }
    for (bad, shown) in [("", r#""""#), ("a\0b", r#""a\0b""#)] {
        let text = format!(
            "thread_name({shown}): it must be a name of at least one character, without NUL"
        );
        let settings = Settings {
            thread_name: Some(bad.to_owned()),
            ..Settings::default()
        };
        assert_eq!(complaint(settings), text);
    }
}

#[test]
fn it_becomes_an_io_error() {
    let error = check_stack_size(1).expect_err("too small");
    let text = error.to_string();
    let error = io::Error::from(error);
    assert_eq!(
        (error.kind(), error.to_string()),
        (io::ErrorKind::InvalidInput, text)
    );
}
