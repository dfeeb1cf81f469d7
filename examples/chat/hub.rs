//! Who is there, in which room, and what they say.

use crate::outbox::{Out, Outbox};
use gort::sync::Mutex;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

/// Where everybody begins.
const LOBBY: &str = "lobby";
/// The longest name of a person or a room.
const MAX_NAME: usize = 20;

const HELP: &str = "* /nick NAME, /join ROOM, /who, /quit; anything else is said to the room";
const BAD_NAME: &str = "* a name is 1 to 20 letters, digits, '-' or '_'";

/// A member's number.
pub(crate) type Id = u64;

/// What becomes of a member after a line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum After {
    GoOn,
    Leave,
}

/// All rooms. One lock for all of them: it is never held while somebody waits, because lines only
/// go into queues.
#[derive(Default)]
pub(crate) struct Hub {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    last: Id,
    members: HashMap<Id, Member>,
    /// The members of each room that has some.
    rooms: HashMap<String, BTreeMap<Id, Outbox>>,
}

struct Member {
    name: String,
    room: String,
}

impl Hub {
    /// A new member, in the lobby, with a name that is free.
    pub(crate) fn enter(&self, outbox: Outbox) -> Id {
        let mut state = self.state.lock();
        state.last += 1;
        let id = state.last;
        let mut name = format!("guest{id}");
        while state.has_name(&name) {
            name.push('_');
        }
        let member = Member {
            name,
            room: String::new(),
        };
        state.members.insert(id, member);
        state.move_to(id, LOBBY, outbox);
        state.tell(id, HELP);
        id
    }

    /// What a member has said, a command or a message. Lets the others run after it: when many
    /// lines come at once, queues shall not be full before they could be written.
    pub(crate) fn hear(&self, id: Id, line: &str) -> After {
        let after = self.handle(id, line);
        gort::yield_now();
        after
    }

    fn handle(&self, id: Id, line: &str) -> After {
        let line = clean(line);
        let line = line.trim();
        let mut state = self.state.lock();
        if !state.members.contains_key(&id) {
            return After::Leave; // dropped in the meantime
        }
        let (word, rest) = line.split_once(' ').unwrap_or((line, ""));
        match word {
            "" => {}
            "/nick" => state.rename(id, rest.trim()),
            "/join" => state.join(id, rest.trim()),
            "/who" => state.who(id),
            "/quit" => return After::Leave,
            _ if word.starts_with('/') => state.tell(id, HELP),
            _ => {
                let Member { name, room } = &state.members[&id];
                let (text, room) = (format!("{name}: {line}"), room.clone());
                state.say(&room, Some(id), &text);
            }
        }
        After::GoOn
    }

    /// Does nothing if the member was dropped before.
    pub(crate) fn leave(&self, id: Id) {
        let mut state = self.state.lock();
        if let Some(Member { name, room }) = state.remove(id) {
            state.say(&room, None, &format!("* {name} has left"));
        }
    }
}

impl State {
    fn rename(&mut self, id: Id, name: &str) {
        if !is_name(name) {
            return self.tell(id, BAD_NAME);
        }
        if self.has_name(name) {
            return self.tell(id, &format!("* {name} is somebody else"));
        }
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        let old = std::mem::replace(&mut member.name, name.to_owned());
        let room = member.room.clone();
        self.say(&room, None, &format!("* {old} is now {name}"));
    }

    fn join(&mut self, id: Id, room: &str) {
        if !is_name(room) {
            return self.tell(id, BAD_NAME);
        }
        let Member { name, room: old } = &self.members[&id];
        if old == room {
            return self.tell(id, &format!("* you are in {room}"));
        }
        let (old, text) = (old.clone(), format!("* {name} has gone to {room}"));
        let Some(outbox) = self.take_out(id, &old) else {
            return;
        };
        self.say(&old, None, &text);
        self.move_to(id, room, outbox);
    }

    fn who(&mut self, id: Id) {
        let room = &self.members[&id].room;
        let members = self.rooms.get(room).into_iter().flatten();
        let mut names: Vec<&str> = members.map(|(id, _)| &*self.members[id].name).collect();
        names.sort_unstable();
        self.tell(id, &format!("* in {room}: {}", names.join(", ")));
    }

    /// Puts a member that is in no room into one, and says so there.
    fn move_to(&mut self, id: Id, room: &str, outbox: Outbox) {
        let Some(member) = self.members.get_mut(&id) else {
            return;
        };
        member.room = room.to_owned();
        let text = format!("* {} has come to {room}", member.name);
        let members = self.rooms.entry(room.to_owned()).or_default();
        members.insert(id, outbox);
        self.say(room, None, &text);
    }

    /// Takes a member out of its room.
    fn take_out(&mut self, id: Id, room: &str) -> Option<Outbox> {
        let members = self.rooms.get_mut(room)?;
        let outbox = members.remove(&id);
        if members.is_empty() {
            self.rooms.remove(room);
        }
        outbox
    }

    fn remove(&mut self, id: Id) -> Option<Member> {
        let member = self.members.remove(&id)?;
        self.take_out(id, &member.room);
        Some(member)
    }

    /// Says something to one member.
    fn tell(&mut self, id: Id, text: &str) {
        let Some(room) = self.members.get(&id).map(|member| member.room.clone()) else {
            return;
        };
        let outbox = self.rooms.get(&room).and_then(|members| members.get(&id));
        let pushed = outbox.map(|outbox| outbox.push(Out::Line(text.into())));
        if let Some(Err(_)) = pushed {
            self.drop_slow(vec![id]);
        }
    }

    /// Says something to all in a room but one.
    fn say(&mut self, room: &str, except: Option<Id>, text: &str) {
        let slow = self.push_to_all(room, except, text);
        self.drop_slow(slow);
    }

    /// Who did not have room for it.
    fn push_to_all(&self, room: &str, except: Option<Id>, text: &str) -> Vec<Id> {
        let text: Arc<str> = text.into();
        let members = self.rooms.get(room).into_iter().flatten();
        let others = members.filter(|&(&id, _)| Some(id) != except);
        let is_slow = |outbox: &Outbox| outbox.push(Out::Line(Arc::clone(&text))).is_err();
        let slow = others.filter(|(_, outbox)| is_slow(outbox));
        slow.map(|(&id, _)| id).collect()
    }

    /// Drops those who do not read, and says so to the others, of whom some may be as slow.
    fn drop_slow(&mut self, mut slow: Vec<Id>) {
        while let Some(id) = slow.pop() {
            if let Some(Member { name, room }) = self.remove(id) {
                let text = format!("* {name} read too slowly and was dropped");
                slow.extend(self.push_to_all(&room, None, &text));
            }
        }
    }

    fn has_name(&self, name: &str) -> bool {
        self.members.values().any(|member| member.name == name)
    }
}

fn is_name(name: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || c == '-' || c == '_';
    (1..=MAX_NAME).contains(&name.chars().count()) && name.chars().all(is_part)
}

/// Without what could move the cursors of others, or end the line.
fn clean(line: &str) -> String {
    line.chars().filter(|c| !c.is_control()).collect()
}
