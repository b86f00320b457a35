//! Who may ask: pages of this server, opened by whoever can read what the command prints.
//!
//! A page of another site can make a browser send requests here. The browser then names that site
//! as `Origin`; and where the site's name was made to lead here (DNS rebinding), as `Host`. Both
//! are compared with the server's own. Other users and programs of this machine send what they
//! like, but do not know the token.

use super::http::{Request, Response};
use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};

/// What a request is checked against.
pub(super) struct Guard {
    port: u16,
    token: String,
}

impl Guard {
    /// With a new token.
    pub(super) fn new(port: u16) -> Guard {
        Guard { port, token: token() }
    }

    /// The address to open. The token is in its fragment, which browsers send to nobody.
    pub(super) fn address(&self) -> String {
        format!("http://127.0.0.1:{}/#token={}", self.port, self.token)
    }

    /// Whether it is this server that is asked, by none but its own pages.
    pub(super) fn check_place(&self, request: &Request) -> Result<(), Response> {
        let own = [format!("127.0.0.1:{}", self.port), format!("localhost:{}", self.port)];
        match request.header("host") {
            Some(host) if own.iter().any(|own| own == host) => {}
            _ => return Err(Response::plain(421, "this server has another name")),
        }
        match request.header("origin") {
            None => Ok(()),
            Some(origin) if own.iter().any(|own| *origin == format!("http://{own}")) => Ok(()),
            Some(_) => Err(Response::plain(403, "pages of other sites may not ask")),
        }
    }

    /// Whether the token is there.
    pub(super) fn check_token(&self, request: &Request) -> Result<(), Response> {
        match request.header("x-peach-token") {
            Some(token) if is_same(token.as_bytes(), self.token.as_bytes()) => Ok(()),
            _ => Err(Response::plain(
                403,
                "the token is missing or of another run: open the address that was printed",
            )),
        }
    }
}

/// 128 bits that nobody can guess: SipHash under keys that the operating system draws.
fn token() -> String {
    let keys = RandomState::new();
    let word = |number: u64| {
        let mut hasher = keys.build_hasher();
        hasher.write_u64(number);
        hasher.finish()
    };
    format!("{:016x}{:016x}", word(0), word(1))
}

/// Compares in a time that does not depend on where the difference is.
fn is_same(a: &[u8], b: &[u8]) -> bool {
    a.len() == b.len() && a.iter().zip(b).fold(0, |all, (a, b)| all | (a ^ b)) == 0
}
