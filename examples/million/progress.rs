//! Progress bars, drawn by a plain thread that only reads the tallies: the work does not notice
//! them.

use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::Duration;

use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::phases::{RAN, RELEASED, STARTED, Tally};

/// One bar a phase. Dropping this takes them off the screen. They show only if stderr is a
/// terminal.
pub(crate) struct Bars {
    stop: Option<mpsc::Sender<()>>,
    painter: Option<thread::JoinHandle<()>>,
}

impl Bars {
    pub(crate) fn start(n: u64) -> Self {
        let (stop, stopped) = mpsc::channel();
        let painter = thread::spawn(move || paint(n, &stopped));
        Self {
            stop: Some(stop),
            painter: Some(painter),
        }
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(painter) = self.painter.take() {
            let _ = painter.join(); // if it has panicked there is nothing left to take off
        }
    }
}

/// Ten times a second until told to stop, which dropping the sender does at once.
fn paint(n: u64, stopped: &mpsc::Receiver<()>) {
    let screen = MultiProgress::new();
    let style = ProgressStyle::with_template("{msg:16} {bar:40} {human_pos:>11} of {human_len}")
        .expect("the template is well formed");
    let phases: [(&str, &Tally); 3] = [
        ("spawn and run", &RAN),
        ("start and park", &STARTED),
        ("release", &RELEASED),
    ];
    let bars = phases.map(|(name, tally)| {
        let bar = screen.add(
            ProgressBar::new(n)
                .with_style(style.clone())
                .with_message(name),
        );
        (bar, tally)
    });
    while stopped.recv_timeout(Duration::from_millis(100)) == Err(RecvTimeoutError::Timeout) {
        for (bar, tally) in &bars {
            bar.set_position(tally.total());
        }
    }
    for (bar, _) in bars {
        bar.finish_and_clear();
    }
}
