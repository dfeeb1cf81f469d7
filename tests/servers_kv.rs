//! The example `kv`, driven by a client that shows replies as text, over sockets of the standard
//! library; and by `redis-cli` and `redis-benchmark`, where they are installed.

#[path = "support/resp.rs"]
mod resp;
#[path = "support/server.rs"]
mod server;

use resp::Client;
use server::{Server, each, eventually, is_still_read, read_to_end, reset, write_until_stuck};
use std::{
    io::{Read, Write},
    process::Command,
    thread,
};

/// Runs the commands in turn and compares the replies.
#[track_caller]
fn check(table: &[(&str, &str)]) {
    each("kv", &[], |server| {
        let mut client = Client::connect(server);
        for (command, reply) in table {
            assert_eq!(client.call(command), *reply, "to {command}");
        }
    });
}

#[test]
fn strings() {
    check(&[
        ("PING", "+PONG"),
        ("ping hello", "$hello"),
        ("ECHO hello", "$hello"),
        ("GET a", "nil"),
        ("SET a 1", "+OK"),
        ("GET a", "$1"),
        ("SET a 2 NX", "nil"),
        ("GET a", "$1"),
        ("SET a 2 XX", "+OK"),
        ("SET b 2 xx", "nil"),
        ("SET b 3 nx", "+OK"),
        ("MGET a b c", "[$2 $3 nil]"),
        ("MSET a x b y c z", "+OK"),
        ("MGET a b c", "[$x $y $z]"),
        ("EXISTS a b nothing a", ":3"),
        ("DEL a b nothing", ":2"),
        ("EXISTS a", ":0"),
        ("SET a 1 EX", "-ERR syntax error"),
        ("SET a 1 NX XX", "-ERR syntax error"),
        ("SET a 1 EX 1 PX 1", "-ERR syntax error"),
        ("SET a 1 WHAT", "-ERR syntax error"),
        (
            "SET a 1 EX one",
            "-ERR value is not an integer or out of range",
        ),
        ("SET a 1 EX 0", "-ERR invalid expire time in 'set' command"),
        ("SET a 1 EX -5", "-ERR invalid expire time in 'set' command"),
        (
            "SET a 1 EX 9223372036854775807",
            "-ERR invalid expire time in 'set' command",
        ),
        ("GET a", "nil"),
        (
            "MSET a 1 b",
            "-ERR wrong number of arguments for 'mset' command",
        ),
        ("GET", "-ERR wrong number of arguments for 'get' command"),
        (
            "GET a b",
            "-ERR wrong number of arguments for 'get' command",
        ),
        ("NOTHING a", "-ERR unknown command 'NOTHING'"),
    ]);
}

#[test]
fn numbers() {
    check(&[
        ("INCR n", ":1"),
        ("INCR n", ":2"),
        ("INCRBY n 40", ":42"),
        ("DECR n", ":41"),
        ("INCRBY n -41", ":0"),
        ("GET n", "$0"),
        ("SET n 9223372036854775807", "+OK"),
        ("INCR n", "-ERR increment or decrement would overflow"),
        ("GET n", "$9223372036854775807"),
        ("SET n word", "+OK"),
        ("INCR n", "-ERR value is not an integer or out of range"),
        ("SET n +1", "+OK"),
        ("INCR n", "-ERR value is not an integer or out of range"),
        (
            "INCRBY n 1.5",
            "-ERR value is not an integer or out of range",
        ),
    ]);
}

#[test]
fn lists() {
    check(&[
        ("RPUSH l b c", ":2"),
        ("LPUSH l a z", ":4"),
        ("LLEN l", ":4"),
        ("LRANGE l 0 -1", "[$z $a $b $c]"),
        ("LRANGE l 1 2", "[$a $b]"),
        ("LRANGE l -2 100", "[$b $c]"),
        ("LRANGE l -100 0", "[$z]"),
        ("LRANGE l 3 1", "[]"),
        ("LRANGE l 100 200", "[]"),
        ("LRANGE l 0 -100", "[]"),
        (
            "LRANGE l -9223372036854775808 9223372036854775807",
            "[$z $a $b $c]",
        ),
        (
            "LRANGE l 0 x",
            "-ERR value is not an integer or out of range",
        ),
        ("LPOP l", "$z"),
        ("RPOP l", "$c"),
        ("LPOP l 5", "[$a $b]"),
        ("EXISTS l", ":0"),
        ("LPOP l", "nil"),
        ("LLEN l", ":0"),
        ("LRANGE l 0 -1", "[]"),
        ("LPOP l -1", "-ERR value is not an integer or out of range"),
    ]);
}

#[test]
fn sets_and_hashes() {
    check(&[
        ("SADD s a b a", ":2"),
        ("SADD s a", ":0"),
        ("SISMEMBER s a", ":1"),
        ("SISMEMBER s c", ":0"),
        ("SISMEMBER nothing c", ":0"),
        ("SADD one a", ":1"),
        ("SMEMBERS one", "[$a]"),
        ("SMEMBERS nothing", "[]"),
        ("HSET h f 1 g 2", ":2"),
        ("HSET h f 3", ":0"),
        ("HGET h f", "$3"),
        ("HGET h nothing", "nil"),
        ("HGET nothing f", "nil"),
        ("HSET one2 f 1", ":1"),
        ("HGETALL one2", "[$f $1]"),
        ("HGETALL nothing", "[]"),
        (
            "HSET h f",
            "-ERR wrong number of arguments for 'hset' command",
        ),
        (
            "HSET h f 1 g",
            "-ERR wrong number of arguments for 'hset' command",
        ),
    ]);
}

#[test]
fn a_key_has_one_kind_of_value() {
    let refusal = "-WRONGTYPE Operation against a key holding the wrong kind of value";
    check(&[
        ("SADD s a", ":1"),
        ("SET t a", "+OK"),
        ("GET s", refusal),
        ("INCR s", refusal),
        ("LPUSH s a", refusal),
        ("LPOP t", refusal),
        ("LRANGE t 0 1", refusal),
        ("LLEN t", refusal),
        ("SADD t a", refusal),
        ("SMEMBERS t", refusal),
        ("SISMEMBER t a", refusal),
        ("HSET t a b", refusal),
        ("HGET t a", refusal),
        ("HGETALL t", refusal),
        ("MGET t s", "[$a nil]"),
        ("SET s now", "+OK"),
        ("GET s", "$now"),
    ]);
}

#[test]
fn keys_and_the_server() {
    check(&[
        ("MSET hello 1 hallo 2 hxllo 3 heeeello 4 other 5", "+OK"),
        ("DBSIZE", ":5"),
        ("KEYS other", "[$other]"),
        ("KEYS h[^ae]llo", "[$hxllo]"),
        ("KEYS h[w-z]llo", "[$hxllo]"),
        ("KEYS ?????o", "[]"),
        ("KEYS *ee*o", "[$heeeello]"),
        (r"KEYS h\ello", "[$hello]"),
        (r"KEYS h\?llo", "[]"),
        ("KEYS h[", "[]"),
        ("CONFIG GET save", "[$save $]"),
        ("CONFIG GET appendonly", "[$appendonly $no]"),
        ("CONFIG GET nothing", "[]"),
        ("CONFIG SET save x", "-ERR syntax error"),
        ("COMMAND DOCS", "[]"),
        ("FLUSHALL WHAT", "-ERR syntax error"),
        ("FLUSHALL", "+OK"),
        ("DBSIZE", ":0"),
        ("KEYS *", "[]"),
    ]);
    each("kv", &[], |server| {
        let mut client = Client::connect(server);
        client.call("MSET hello 1 hallo 2 hxllo 3 other 4");
        assert_eq!(client.call_sorted("KEYS h?llo"), "[$hallo $hello $hxllo]");
        assert_eq!(client.call_sorted("KEYS h[ae]llo"), "[$hallo $hello]");
        assert_eq!(
            client.call_sorted("KEYS *"),
            "[$hallo $hello $hxllo $other]"
        );
    });
}

#[test]
fn a_pattern_of_many_stars_takes_no_time() {
    each("kv", &[], |server| {
        let mut client = Client::connect(server);
        client.call(&format!("SET {} 1", "a".repeat(5000)));
        let pattern = "*a".repeat(1000);
        assert_eq!(client.call(&format!("KEYS {pattern}*b")), "[]");
    });
}

#[test]
fn keys_have_an_end() {
    check(&[
        ("SET a 1", "+OK"),
        ("TTL a", ":-1"),
        ("TTL nothing", ":-2"),
        ("EXPIRE nothing 5", ":0"),
        ("EXPIRE a 100000", ":1"),
        ("PERSIST a", ":1"),
        ("PERSIST a", ":0"),
        ("PERSIST nothing", ":0"),
        ("TTL a", ":-1"),
        ("EXPIRE a 0", ":1"),
        ("GET a", "nil"),
        (
            "EXPIRE a 99999999999999999999",
            "-ERR value is not an integer or out of range",
        ),
    ]);
    each("kv", &[], |server| {
        let mut client = Client::connect(server);
        let mut left = |key| {
            let reply = client.call(&format!("TTL {key}"));
            reply[1..].parse::<i64>().expect("a number")
        };
        let mut other = Client::connect(server);
        other.call("SET a 1 EX 100000");
        assert!((90_000..=100_000).contains(&left("a")));
        // A number that is added keeps the end, a new value has none.
        other.call("INCR a");
        assert!((90_000..=100_000).contains(&left("a")));
        other.call("SET a 1");
        assert_eq!(left("a"), -1);
        other.call("EXPIRE a 100000");
        assert!((90_000..=100_000).contains(&left("a")));
        // The end of a value goes with it: a new one under the key stays.
        other.call("SET b 1 PX 300");
        other.call("DEL b");
        other.call("SET b 2");
        other.call("SET c 1 PX 1");
        assert!(eventually(|| other.call("GET c") == "nil"));
        assert_eq!(other.call("GET b"), "$2");
    });
}

#[test]
fn a_new_value_does_not_end_with_the_old() {
    each("kv", &[], |server| {
        let mut client = Client::connect(server);
        client.call("SET a 1 PX 100");
        client.call("SET a 2");
        client.call("SET b 1 PX 100");
        client.call("DEL b");
        client.call("SET b 2");
        // When two sweeps are over, one has been whole after the ends of both.
        for end in [150, 1] {
            client.call(&format!("SET c 1 PX {end}"));
            assert!(eventually(|| client.call("DBSIZE") == ":2"));
        }
        assert_eq!(client.call("MGET a b c"), "[$2 $2 nil]");
    });
}

#[test]
fn what_is_over_is_removed_without_being_asked_for() {
    each("kv", &[], |server| {
        let mut client = Client::connect(server);
        client.call("SET stays 1");
        for i in 0..100 {
            client.call(&format!("SET key{i} 1 PX 1"));
        }
        assert!(eventually(|| client.call("DBSIZE") == ":1"));
        assert_eq!(client.call("KEYS *"), "[$stays]");
    });
}

#[test]
fn a_pipeline_is_answered_in_one_piece() {
    each("kv", &[], |server| {
        let mut client = Client::connect(server);
        assert_eq!(client.call("PING"), "+PONG");
        let before = resp::data_segments(client.stream());
        client.send_raw("*2\r\n$4\r\nINCR\r\n$1\r\nn\r\n".repeat(100).as_bytes());
        for i in 1..=100 {
            assert_eq!(client.reply(), format!(":{i}"));
        }
        let after = resp::data_segments(client.stream());
        assert_eq!(after - before, 1, "segments for 100 answers");
    });
}

#[test]
fn requests_may_come_byte_by_byte_or_as_lines() {
    each("kv", &[], |server| {
        let mut client = Client::connect(server);
        for byte in b"*3\r\n$3\r\nSET\r\n$3\r\na\r\n\r\n$1\r\nb\r\nGET x\r\n" {
            client.send_raw(&[*byte]);
        }
        assert_eq!(client.reply(), "+OK");
        assert_eq!(client.reply(), "nil");
        // Empty requests have no answer; words may be far apart, and a line end may be bare.
        client
            .send_raw(b"\r\n*0\r\n*-1\r\n  set   x  1 \nGET x\n*2\r\n$3\r\nGET\r\n$3\r\na\r\n\r\n");
        assert_eq!(client.reply(), "+OK");
        assert_eq!(client.reply(), "$1");
        assert_eq!(client.reply(), "$b");
    });
}

#[test]
fn values_may_be_large_and_any_bytes() {
    each("kv", &[], |server| {
        let mut client = Client::connect(server);
        let value: Vec<u8> = (0..2_000_000_u32).map(|i| (i * 13 % 256) as u8).collect();
        client.send(&[b"SET", b"big", &value]);
        assert_eq!(client.reply(), "+OK");
        client.send(&[b"GET", b"big"]);
        assert!(client.bulk() == value);
        // Answers that are long together come too, in turn.
        (0..5).for_each(|_| client.send(&[b"GET", b"big"]));
        (0..5).for_each(|_| assert!(client.bulk() == value));
        assert_eq!(client.call("PING"), "+PONG");
    });
}

#[test]
fn bad_requests_are_answered_and_end_the_connection() {
    let too_long = "-ERR Protocol error: invalid bulk length";
    let too_many = "-ERR Protocol error: invalid multibulk length";
    let inline = vec![b'x'; 70_000];
    let cases: &[(&[u8], &str)] = &[
        (b"*1\r\n$99999999999\r\n", too_long),
        (b"*1\r\n$99999999999999999999999\r\n", too_long),
        (b"*1\r\n$16777217\r\n", too_long),
        (b"*1\r\n$-1\r\n", too_long),
        (b"*1\r\n$x\r\n", too_long),
        (b"*1\r\n$00000000000000000000000000000000000000", too_long),
        (b"*99999999\r\n", too_many),
        (b"*x\r\n", too_many),
        (b"*1\r\n:5\r\n", "-ERR Protocol error: expected '$'"),
        (
            b"*1\r\n$4\r\nPINGxx",
            "-ERR Protocol error: expected CRLF after a bulk",
        ),
        (&inline, "-ERR Protocol error: too big inline request"),
    ];
    each("kv", &[], |server| {
        for (request, answer) in cases {
            let mut client = Client::connect(server);
            client.send_raw(b"PING\r\n");
            client.send_raw(request);
            assert_eq!(client.reply(), "+PONG");
            assert_eq!(client.reply(), *answer);
            assert_eq!(read_to_end(client.stream()), b"");
            is_still_read(client.stream());
        }
    });
}

#[test]
fn garbage_does_no_harm() {
    each("kv", &[], |server| {
        let mut state = 12345_u32;
        for _ in 0..30 {
            let mut garbage: Vec<u8> = Vec::new();
            for _ in 0..2000 {
                state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                let interesting = b"*$:\r\n0123456789-+ ";
                let i = (state >> 24) as usize;
                garbage.push(*interesting.get(i % 40).unwrap_or(&(i as u8)));
            }
            let client = server.connect();
            (&client).write_all(&garbage).expect("it reads");
            client
                .shutdown(std::net::Shutdown::Write)
                .expect("it is open");
            read_to_end(&client);
        }
        // What is not ASCII does not come back, nor what would be a line of its own.
        let mut client = Client::connect(server);
        client.send(&[b"\xff\r\n+OK"]);
        assert!(client.reply().starts_with("-ERR unknown command"));
        assert_eq!(client.call("PING"), "+PONG");
    });
}

#[test]
fn half_a_request_does_nothing() {
    each("kv", &[], |server| {
        for half in [
            "*3\r\n$3\r\nSET\r\n$1\r\na\r\n$1\r\n",
            "*3\r\n$3\r\nSE",
            "SET a 1",
            "*",
        ] {
            let mut client = server.connect();
            client.write_all(half.as_bytes()).expect("it reads");
            client
                .shutdown(std::net::Shutdown::Write)
                .expect("it is open");
            assert_eq!(read_to_end(&client), b"");
        }
        assert_eq!(Client::connect(server).call("DBSIZE"), ":0");
    });
}

#[test]
fn a_client_that_never_reads_holds_up_nobody() {
    each("kv", &[], |server| {
        let mut client = Client::connect(server);
        client.send(&[b"SET", b"big", &[b'x'; 100_000]]);
        assert_eq!(client.reply(), "+OK");
        let stuck = server.connect();
        write_until_stuck(&stuck, "GET big\r\n".repeat(1000).as_bytes());
        assert_eq!(client.call("INCR n"), ":1");
        let mut some = [0; 9];
        (&stuck)
            .read_exact(&mut some)
            .expect("it has been answered");
        assert_eq!(&some, b"$100000\r\n");
    });
}

#[test]
fn a_reset_ends_one_connection() {
    each("kv", &[], |server| {
        let mut client = Client::connect(server);
        client.call(&format!("SET big {}", "x".repeat(50_000)));
        for request in [
            "GET big\r\n".repeat(500),
            String::from("*3\r\n$3\r\nSET\r\n$900\r\nx"),
        ] {
            let mut other = server.connect();
            other.write_all(request.as_bytes()).expect("it reads");
            reset(other);
        }
        assert_eq!(client.call("PING"), "+PONG");
        assert_eq!(client.call("DBSIZE"), ":1");
    });
}

#[test]
fn quit_answers_and_ends_the_connection() {
    each("kv", &[], |server| {
        let mut client = Client::connect(server);
        client.send_raw(b"PING\r\nQUIT\r\nPING\r\n");
        assert_eq!(client.reply(), "+PONG");
        assert_eq!(client.reply(), "+OK");
        assert_eq!(read_to_end(client.stream()), b"");
    });
}

#[test]
fn no_addition_is_lost() {
    each("kv", &[], |server| {
        thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    let mut client = Client::connect(server);
                    (0..100).for_each(|_| drop(client.call("INCR n")));
                });
            }
        });
        assert_eq!(Client::connect(server).call("GET n"), "$400");
    });
}

#[test]
fn several_keys_change_at_once() {
    each("kv", &[], |server| {
        let keys: Vec<String> = (0..20).map(|i| format!("key{i}")).collect();
        // Each client names them in another order.
        let set = |value: usize| {
            let mut keys = keys.clone();
            keys.rotate_left(value);
            let pairs: Vec<_> = keys.iter().map(|key| format!("{key} {value}")).collect();
            format!("MSET {}", pairs.join(" "))
        };
        let mut reader = Client::connect(server);
        reader.call(&set(0));
        thread::scope(|scope| {
            for value in 1..4 {
                let set = &set;
                scope.spawn(move || {
                    let mut client = Client::connect(server);
                    (0..100).for_each(|_| assert_eq!(client.call(&set(value)), "+OK"));
                });
            }
            for _ in 0..100 {
                let reply = reader.call(&format!("MGET {}", keys.join(" ")));
                let values = reply.trim_matches(['[', ']']).split(' ');
                let different: std::collections::BTreeSet<_> = values.collect();
                assert_eq!(different.len(), 1, "{reply}");
            }
        });
    });
}

/// Runs a program against the server. `None`, with a word on stderr, where it is not installed.
fn run(server: &Server, program: &str, arguments: &[&str]) -> Option<String> {
    let port = server.address().port().to_string();
    let mut command = Command::new(program);
    match command
        .args(["-h", "127.0.0.1", "-p", &port])
        .args(arguments)
        .output()
    {
        Ok(output) => {
            assert!(output.status.success(), "{program}: {output:?}");
            Some(String::from_utf8_lossy(&output.stdout).into_owned())
        }
        Err(error) => {
            eprintln!("LEFT OUT: {program} cannot be started: {error}");
            None
        }
    }
}

#[test]
fn redis_cli_speaks_to_it() {
    each("kv", &[], |server| {
        let call = |line: &str| run(server, "redis-cli", &line.split(' ').collect::<Vec<_>>());
        let table = [
            ("SET a hello EX 1000", "OK\n"),
            ("GET a", "hello\n"),
            ("RPUSH l 1 2 3", "3\n"),
            ("LRANGE l 0 -1", "1\n2\n3\n"),
            ("HSET h f v", "1\n"),
            ("HGETALL h", "f\nv\n"),
        ];
        for (line, answer) in table {
            if let Some(said) = call(line) {
                assert_eq!(said, answer, "to {line}");
            }
        }
    });
}

#[test]
fn redis_benchmark_speaks_to_it() {
    each("kv", &[], |server| {
        let tests = "ping,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,lrange_100,mset";
        let arguments = ["-t", tests, "-n", "300", "-c", "10", "-P", "5", "--csv"];
        if let Some(said) = run(server, "redis-benchmark", &arguments) {
            assert!(said.contains("\"LRANGE_100"), "{said}");
            assert!(said.contains("\"MSET"), "{said}");
        }
    });
}
