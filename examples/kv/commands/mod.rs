//! The commands: their names, how many arguments they take, and what runs them.

mod collections;
mod keys;
mod server;
mod strings;

use crate::resp::Replies;
use crate::store::Store;

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    GoOn,
    Close,
}

/// Why a command was not run; nothing has changed, and nothing is answered yet.
#[derive(Debug)]
enum Refused {
    WrongType,
    NotANumber,
    Overflow,
    Syntax,
    BadExpiry(&'static str),
    Arguments(&'static str),
}

impl Refused {
    /// In the words of Redis, for which clients look.
    fn text(&self) -> String {
        match self {
            Self::WrongType => {
                "WRONGTYPE Operation against a key holding the wrong kind of value".to_owned()
            }
            Self::NotANumber => "ERR value is not an integer or out of range".to_owned(),
            Self::Overflow => "ERR increment or decrement would overflow".to_owned(),
            Self::Syntax => "ERR syntax error".to_owned(),
            Self::BadExpiry(name) => format!("ERR invalid expire time in '{name}' command"),
            Self::Arguments(name) => {
                format!("ERR wrong number of arguments for '{name}' command")
            }
        }
    }
}

type Done = Result<(), Refused>;

/// What runs a command: the store, the arguments behind the name, and where the answer goes.
type Run = fn(&Store, &[&[u8]], &mut Replies) -> Done;

/// A command's name, how many arguments it takes at least and at most, and what runs it.
struct Command(&'static str, usize, usize, Run);

const ANY: usize = usize::MAX;

/// The usual ones first: they are looked for from the front.
const COMMANDS: &[Command] = &[
    Command("get", 1, 1, strings::get),
    Command("set", 2, ANY, strings::set),
    Command("incr", 1, 1, strings::incr),
    Command("decr", 1, 1, strings::decr),
    Command("incrby", 2, 2, strings::incr_by),
    Command("mget", 1, ANY, strings::mget),
    Command("mset", 2, ANY, strings::mset),
    Command("ping", 0, 1, server::ping),
    Command("echo", 1, 1, server::echo),
    Command("del", 1, ANY, keys::del),
    Command("exists", 1, ANY, keys::exists),
    Command("expire", 2, 2, keys::expire),
    Command("ttl", 1, 1, keys::ttl),
    Command("persist", 1, 1, keys::persist),
    Command("keys", 1, 1, keys::keys),
    Command("dbsize", 0, 0, keys::db_size),
    Command("flushall", 0, 1, keys::flush_all),
    Command("lpush", 2, ANY, collections::lpush),
    Command("rpush", 2, ANY, collections::rpush),
    Command("lpop", 1, 2, collections::lpop),
    Command("rpop", 1, 2, collections::rpop),
    Command("lrange", 3, 3, collections::lrange),
    Command("llen", 1, 1, collections::llen),
    Command("sadd", 2, ANY, collections::sadd),
    Command("smembers", 1, 1, collections::smembers),
    Command("sismember", 2, 2, collections::sismember),
    Command("hset", 3, ANY, collections::hset),
    Command("hget", 2, 2, collections::hget),
    Command("hgetall", 1, 1, collections::hgetall),
    Command("config", 1, ANY, server::config),
    Command("command", 0, ANY, server::command),
];

/// Runs one request and answers it.
pub(crate) fn run(store: &Store, request: &[&[u8]], replies: &mut Replies) -> After {
    let Some((name, arguments)) = request.split_first() else {
        return After::GoOn; // an empty line has no answer
    };
    if name.eq_ignore_ascii_case(b"quit") {
        replies.ok();
        return After::Close;
    }
    let is_it = |command: &&Command| name.eq_ignore_ascii_case(command.0.as_bytes());
    let Some(&Command(name, least, most, run)) = COMMANDS.iter().find(is_it) else {
        let name = &name[..name.len().min(64)];
        let name = String::from_utf8_lossy(name).replace(char::is_control, "?");
        replies.error(&format!("ERR unknown command '{name}'"));
        return After::GoOn;
    };
    let done = if (least..=most).contains(&arguments.len()) {
        run(store, arguments, replies)
    } else {
        Err(Refused::Arguments(name))
    };
    if let Err(refused) = done {
        replies.error(&refused.text());
    }
    After::GoOn
}
