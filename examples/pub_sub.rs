//! Publish and subscribe: what is published on a topic reaches everybody who has subscribed to it.
//! Run it with `cargo run --example pub_sub`.
//!
//! In Go: a `map[string][]chan string` under a `sync.RWMutex`, with an `Unsubscribe` that must be
//! called, and must not close a channel that `Publish` is sending on. Here a subscriber
//! unsubscribes by dropping its receiver.

use std::collections::HashMap;

use gort::sync::Mutex;
use gort::sync::channel::{Receiver, Sender, bounded};
use gort::{go, runtime};

#[derive(Default)]
struct Broker {
    topics: Mutex<HashMap<&'static str, Vec<Sender<String>>>>,
}

impl Broker {
    fn subscribe(&self, topic: &'static str) -> Receiver<String> {
        let (tx, rx) = bounded(8);
        self.topics.lock().entry(topic).or_default().push(tx);
        rx
    }

    /// Returns how many it has reached. Waits for subscribers that are behind.
    fn publish(&self, topic: &str, message: &str) -> usize {
        let subscribers = self.topics.lock().get(topic).cloned().unwrap_or_default();
        let sent = subscribers.iter().map(|s| s.send(message.to_owned()));
        let reached = sent.filter(Result::is_ok).count();
        if reached < subscribers.len()
            && let Some(subscribers) = self.topics.lock().get_mut(topic)
        {
            subscribers.retain(|s| !s.is_closed());
        }
        reached
    }
}

/// Collects what comes until the broker is gone.
fn listen(news: Receiver<String>) -> Vec<String> {
    news.iter().collect()
}

#[runtime::main]
fn main() {
    let broker = Broker::default();
    let ann = go!(listen(broker.subscribe("weather")));
    let bob = go!(listen(broker.subscribe("weather")));
    let cleo = go!(listen(broker.subscribe("sports")));
    let dan = broker.subscribe("weather");

    println!("rain reaches {}", broker.publish("weather", "rain"));
    println!("a goal reaches {}", broker.publish("sports", "1:0"));
    println!("Dan has read {:?}, and leaves", dan.recv());
    drop(dan);
    println!("sun reaches {}", broker.publish("weather", "sun"));
    println!("shares reach {}", broker.publish("stocks", "up"));

    drop(broker); // and with it all senders
    for (name, listener) in [("Ann", ann), ("Bob", bob), ("Cleo", cleo)] {
        println!("{name} heard {:?}", listener.join().unwrap_or_default());
    }
}
