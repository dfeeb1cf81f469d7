//! Addresses of what sockets are given: names are looked up on a thread for blocking calls.

use crate::runtime::bridges::offload::blocking;
use std::{
    io::{self, ErrorKind},
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs},
    vec,
};

/// The addresses of a host, by name and port. Parks the goroutine while the name is looked up.
///
/// It takes all that [`ToSocketAddrs`] takes: a text `"localhost:80"`, a pair `("localhost", 80)`,
/// or what is an address already, for which nothing is looked up. The lookup is that of the system
/// (`getaddrinfo`), on a thread of [`runtime::blocking`](crate::runtime::blocking).
///
/// A type of your own that implements [`ToSocketAddrs`] is asked by the goroutine itself. If it
/// looks up names it should do so by this function.
///
/// # Errors
/// The name is not known, the lookup has failed, or the text is no name with a port.
///
/// # Panics
/// Under a [`forbid_yield`](crate::runtime::forbid_yield) guard, if it has to look up a name.
///
/// # Examples
/// ```
/// use gort::net::lookup_host;
///
/// # fn main() -> std::io::Result<()> {
/// for addr in lookup_host("localhost:80")? {
///     assert!(addr.ip().is_loopback());
/// }
/// assert_eq!(lookup_host(("127.0.0.1", 80))?.count(), 1);
/// # Ok(())
/// # }
/// ```
#[doc(alias = "LookupHost")]
pub fn lookup_host(host: impl ToSocketAddrs) -> io::Result<impl Iterator<Item = SocketAddr>> {
    resolve(&host)
}

/// The addresses of `host`.
pub(crate) fn resolve<A: ToSocketAddrs>(host: &A) -> io::Result<Addrs<A::Iter>> {
    match Name::of(host) {
        Some(name) if !name.is_address() => Ok(Addrs::Found(blocking(|| name.look_up())?)),
        _ => Ok(Addrs::Given(host.to_socket_addrs()?)),
    }
}

/// Tries the addresses of `host` one by one until `attempt` is well with one. Its last error, if
/// with none.
pub(crate) fn each_addr<A: ToSocketAddrs, T>(
    host: &A,
    mut attempt: impl FnMut(SocketAddr) -> io::Result<T>,
) -> io::Result<T> {
    let mut last = None;
    for addr in resolve(host)? {
        match attempt(addr) {
            Ok(done) => return Ok(done),
            Err(error) => last = Some(error),
        }
    }
    Err(last.unwrap_or_else(|| {
        io::Error::new(
            ErrorKind::InvalidInput,
            "could not resolve to any addresses",
        )
    }))
}

/// Addresses that were given, or were found for a name.
#[derive(Debug)]
pub(crate) enum Addrs<I> {
    Given(I),
    Found(vec::IntoIter<SocketAddr>),
}

impl<I: Iterator<Item = SocketAddr>> Iterator for Addrs<I> {
    type Item = SocketAddr;

    fn next(&mut self) -> Option<SocketAddr> {
        match self {
            Self::Given(addrs) => addrs.next(),
            Self::Found(addrs) => addrs.next(),
        }
    }
}

/// A name that may have to be looked up.
#[derive(Clone, Copy, Debug)]
enum Name<'a> {
    /// With its port behind a colon.
    Text(&'a str),
    Pair(&'a str, u16),
}

impl<'a> Name<'a> {
    /// The name in `host`, if it is of a type of std with which names are given.
    fn of<A>(host: &'a A) -> Option<Self> {
        seen_as::<A, Text>(host)
            .or_else(|| seen_as::<A, TextRef>(host))
            .or_else(|| seen_as::<A, OwnedText>(host))
            .or_else(|| seen_as::<A, OwnedTextRef>(host))
            .or_else(|| seen_as::<A, Pair>(host))
            .or_else(|| seen_as::<A, PairRef>(host))
            .or_else(|| seen_as::<A, OwnedPair>(host))
            .or_else(|| seen_as::<A, OwnedPairRef>(host))
    }

    /// Whether it is written as an address, so that nothing is looked up.
    fn is_address(self) -> bool {
        match self {
            Self::Text(text) => text.parse::<SocketAddr>().is_ok(),
            Self::Pair(name, _) => {
                name.parse::<Ipv4Addr>().is_ok() || name.parse::<Ipv6Addr>().is_ok()
            }
        }
    }

    /// Blocks the thread.
    fn look_up(self) -> io::Result<vec::IntoIter<SocketAddr>> {
        match self {
            Self::Text(text) => text.to_socket_addrs(),
            Self::Pair(name, port) => (name, port).to_socket_addrs(),
        }
    }
}

/// A type with which names are given, for each lifetime of what it borrows.
///
/// `Of<'x>` is covariant in `'x`: with a longer lifetime it can stand where a shorter one is asked
/// for. That of all types below is.
trait NameType {
    type Of<'x>: 'x;

    fn name<'x>(host: &'x Self::Of<'x>) -> Name<'x>;
}

/// The name in `host`, if `A` is the type `F::Of`.
fn seen_as<'a, A, F: NameType>(host: &'a A) -> Option<Name<'a>> {
    if typeid::of::<A>() != typeid::of::<F::Of<'a>>() {
        return None;
    }
    // SAFETY: `A` is `F::Of<'x>` for some lifetimes; these outlive 'a, for a reference to it does.
    // As it is covariant in them, what lives for that long may be seen as what lives for 'a.
    Some(F::name(unsafe { &*(&raw const *host).cast::<F::Of<'a>>() }))
}

macro_rules! name_types {
    ($($name:ident = $of:ty, $host:pat => $value:expr;)*) => {$(
        struct $name;

        impl NameType for $name {
            type Of<'x> = $of;

            fn name<'x>($host: &'x Self::Of<'x>) -> Name<'x> {
                $value
            }
        }
    )*};
}

name_types! {
    Text = &'x str, text => Name::Text(text);
    TextRef = &'x &'x str, text => Name::Text(text);
    OwnedText = String, text => Name::Text(text);
    OwnedTextRef = &'x String, text => Name::Text(text);
    Pair = (&'x str, u16), (name, port) => Name::Pair(name, *port);
    PairRef = &'x (&'x str, u16), (name, port) => Name::Pair(name, *port);
    OwnedPair = (String, u16), (name, port) => Name::Pair(name, *port);
    OwnedPairRef = &'x (String, u16), (name, port) => Name::Pair(name, *port);
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The name in `host`, and whether it has to be looked up.
    fn asked<A: ToSocketAddrs>(host: A) -> Option<(String, bool)> {
        Name::of(&host).map(|name| match name {
            Name::Text(text) => (text.to_owned(), !name.is_address()),
            Name::Pair(text, port) => (format!("{text}:{port}"), !name.is_address()),
        })
    }

    #[test]
    fn names_are_seen_in_all_that_gives_one() {
        let seen = Some((String::from("host:80"), true));
        let text = String::from("host:80");
        assert_eq!(asked("host:80"), seen);
        assert_eq!(asked(text.as_str()), seen);
        assert_eq!(asked(text.as_str()), seen);
        assert_eq!(asked(text.clone()), seen);
        assert_eq!(asked(&text), seen);
        let host = String::from("host");
        assert_eq!(asked(("host", 80)), seen);
        assert_eq!(asked((host.as_str(), 80)), seen);
        assert_eq!(asked((host.clone(), 80)), seen);
        assert_eq!(asked(&(host, 80)), seen);
    }

    #[test]
    fn texts_of_addresses_are_not_looked_up() {
        for text in ["127.0.0.1:80", "[::1]:80"] {
            assert_eq!(asked(text), Some((text.to_owned(), false)));
        }
        assert_eq!(asked(("::1", 1)), Some((String::from("::1:1"), false)));
        let addr = SocketAddr::from(([127, 0, 0, 1], 80));
        assert_eq!(asked(addr), None);
        assert_eq!(asked(&[addr, addr][..]), None);
        assert_eq!(asked((addr.ip(), 80)), None);
    }

    #[test]
    fn all_addresses_are_tried_and_the_last_error_is_the_one() {
        let addrs = [1, 2, 3].map(|port| SocketAddr::from(([127, 0, 0, 1], port)));
        let found = each_addr(&&addrs[..], |addr| match addr.port() {
            2 => Ok(addr),
            _ => Err(io::Error::other("no")),
        });
        assert_eq!(found.unwrap(), addrs[1]);
        let error = each_addr(&&addrs[..], |addr| {
            Err::<(), _>(io::Error::other(addr.port().to_string()))
        });
        assert_eq!(error.unwrap_err().to_string(), "3");
        let none: &[SocketAddr] = &[];
        let error = each_addr(&none, Ok).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
    }
}
