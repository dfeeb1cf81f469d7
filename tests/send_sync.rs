//! Which types may go to other threads, and which may be shared: the compiler checks this table
//! when it builds the tests.

use gort::{
    Builder, JoinHandle,
    context::{self, CancelCauseFunc, CancelFunc, Context, Stop},
    fs::{DirBuilder, DirEntry, File, OpenOptions, ReadDir, TryLockError},
    runtime::{
        self, DeadlockPolicy, GoLocal, Goroutine, GoroutineId, JoinFuture, Metrics, NoYieldGuard,
        PanicPolicy, Runtime, Scope, ScopedJoinHandle, StillRunning, Stuck,
    },
    sync::{
        Barrier, Cond, Lazy, Mutex, MutexGuard, Once, OnceCell, Permit, Receiver, RwMutex,
        RwMutexReadGuard, RwMutexWriteGuard, Semaphore, Sender, WaitGroup,
        channel::{RecvFuture, RecvStream, SendFuture, SendSink},
        errgroup::Group,
    },
    time::{Ticker, Timer},
};
use std::{
    cell::Cell,
    panic::{RefUnwindSafe, UnwindSafe},
    rc::Rc,
    sync::MutexGuard as StdGuard,
};

/// Implemented once for all types and once more for those with the trait: naming it without an
/// argument is ambiguous, and so an error, if the type has the trait.
macro_rules! assert_not {
    ($type:ty: $trait:path) => {
        const _: fn() = || {
            trait Ambiguous<A> {
                fn check() {}
            }
            impl<T: ?Sized> Ambiguous<()> for T {}
            struct HasIt;
            impl<T: ?Sized + $trait> Ambiguous<HasIt> for T {}
            let _ = <$type as Ambiguous<_>>::check;
        };
    };
}

macro_rules! assert_is {
    ($type:ty: $trait:path) => {
        const _: fn() = || {
            fn check<T: ?Sized + $trait>() {}
            check::<$type>();
        };
    };
}

macro_rules! table {
    (@ $type:ty, Send) => { assert_is!($type: Send); };
    (@ $type:ty, Sync) => { assert_is!($type: Sync); };
    (@ $type:ty, NotSend) => { assert_not!($type: Send); };
    (@ $type:ty, NotSync) => { assert_not!($type: Sync); };
    (@ $type:ty, UnwindSafe) => { assert_is!($type: UnwindSafe); };
    (@ $type:ty, RefUnwindSafe) => { assert_is!($type: RefUnwindSafe); };
    ($($type:ty: $($word:ident)+;)+) => { $($(table!(@ $type, $word);)+)+ };
}

/// Send, but not Sync.
type SendOnly = Cell<u8>;
/// Sync, but not Send.
type SyncOnly = StdGuard<'static, u8>;
/// Neither.
type Neither = Rc<u8>;

table! {
    SendOnly: Send NotSync;
    SyncOnly: NotSend Sync;
    Neither: NotSend NotSync;

    File: Send Sync UnwindSafe RefUnwindSafe;
    OpenOptions: Send Sync UnwindSafe RefUnwindSafe;
    ReadDir: Send Sync UnwindSafe RefUnwindSafe;
    DirEntry: Send Sync UnwindSafe RefUnwindSafe;
    DirBuilder: Send Sync UnwindSafe RefUnwindSafe;
    TryLockError: Send Sync;
    gort::net::UnixListener: Send Sync;
    gort::net::UnixStream: Send Sync;
    gort::net::UnixDatagram: Send Sync;
    gort::io::PipeReader: Send Sync;
    gort::io::PipeWriter: Send Sync;
    gort::io::Stdin: Send Sync;
    gort::io::StdinLock<'static>: NotSend;
    gort::process::Command: Send Sync;
    gort::process::Child: Send Sync;

    JoinHandle<u8>: Send Sync UnwindSafe RefUnwindSafe;
    JoinHandle<SendOnly>: Send Sync;
    JoinHandle<SyncOnly>: NotSend NotSync;
    JoinHandle<Neither>: NotSend NotSync;
    JoinFuture<u8>: Send Sync UnwindSafe RefUnwindSafe;
    JoinFuture<SendOnly>: Send Sync;
    JoinFuture<Neither>: NotSend NotSync;
    RecvFuture<'static, u8>: Send Sync;
    RecvFuture<'static, SendOnly>: Send;
    RecvFuture<'static, Neither>: NotSend NotSync;
    RecvStream<'static, SendOnly>: Send;
    RecvStream<'static, Neither>: NotSend NotSync;
    SendSink<'static, SendOnly>: Send;
    SendSink<'static, Neither>: NotSend NotSync;
    SendFuture<'static, u8>: Send Sync;
    SendFuture<'static, SendOnly>: Send;
    SendFuture<'static, Neither>: NotSend NotSync;
    ScopedJoinHandle<'static, u8>: Send Sync;
    ScopedJoinHandle<'static, SendOnly>: Send Sync;
    ScopedJoinHandle<'static, Neither>: NotSend NotSync;
    Scope<'static, 'static>: Sync;
    Builder: Send Sync;
    Goroutine: Send Sync;
    GoroutineId: Send Sync;
    Stuck: Send Sync;
    GoLocal<u8>: Send Sync;
    GoLocal<Neither>: Send Sync;
    NoYieldGuard: NotSend NotSync;

    Runtime: Send Sync;
    runtime::Builder: Send Sync;
    Metrics: Send Sync;
    StillRunning: Send Sync;
    PanicPolicy: Send Sync;
    DeadlockPolicy: Send Sync;

    Mutex<u8>: Send Sync;
    Mutex<SendOnly>: Send Sync;
    Mutex<SyncOnly>: NotSend NotSync;
    Mutex<Neither>: NotSend NotSync;
    MutexGuard<'static, u8>: NotSend Sync;
    MutexGuard<'static, SendOnly>: NotSend NotSync;
    MutexGuard<'static, Neither>: NotSend NotSync;

    RwMutex<u8>: Send Sync;
    RwMutex<SendOnly>: Send NotSync;
    RwMutex<SyncOnly>: NotSend NotSync;
    RwMutex<Neither>: NotSend NotSync;
    RwMutexReadGuard<'static, u8>: NotSend Sync;
    RwMutexReadGuard<'static, SendOnly>: NotSend NotSync;
    RwMutexWriteGuard<'static, u8>: NotSend Sync;
    RwMutexWriteGuard<'static, SendOnly>: NotSend NotSync;
    RwMutexWriteGuard<'static, Neither>: NotSend NotSync;

    Sender<u8>: Send Sync UnwindSafe RefUnwindSafe;
    Sender<SendOnly>: Send Sync;
    Sender<SyncOnly>: NotSend NotSync;
    Sender<Neither>: NotSend NotSync;
    Receiver<u8>: Send Sync UnwindSafe RefUnwindSafe;
    Receiver<SendOnly>: Send Sync;
    Receiver<SyncOnly>: NotSend NotSync;
    Receiver<Neither>: NotSend NotSync;

    Timer: Send Sync;
    Ticker: Send Sync UnwindSafe RefUnwindSafe;

    WaitGroup: Send Sync UnwindSafe RefUnwindSafe;
    Semaphore: Send Sync;
    Permit<'static>: Sync;
    Barrier: Send Sync;
    Cond: Send Sync;
    Once: Send Sync;
    OnceCell<u8>: Send Sync;
    OnceCell<SendOnly>: Send NotSync;
    OnceCell<SyncOnly>: NotSend NotSync;
    OnceCell<Neither>: NotSend NotSync;
    Lazy<u8>: Send Sync;
    Lazy<SendOnly>: Send NotSync;
    Lazy<Neither>: NotSend NotSync;
    Group: Send Sync UnwindSafe RefUnwindSafe;
    Group<SendOnly>: Send Sync;
    Group<Neither>: NotSend NotSync;

    Context: Send Sync UnwindSafe RefUnwindSafe;
    CancelFunc: Send Sync UnwindSafe RefUnwindSafe;
    CancelCauseFunc: Send Sync UnwindSafe RefUnwindSafe;
    Stop: Send Sync UnwindSafe RefUnwindSafe;
    context::Error: Send Sync;
}

#[test]
fn the_table_holds() {
    // It does if this compiles.
}
