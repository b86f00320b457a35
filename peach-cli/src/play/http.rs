//! As much of HTTP/1.1 (RFC 9112) as a browser needs of a server for one page: a request, a
//! response, and the connection is closed.
//!
//! Invariants: a request takes at most [`HEAD`] and [`BODY`] bytes, and at most [`PATIENCE`] until
//! it is complete, however slowly it comes. Fails: with the response to send instead.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpStream};
use std::time::{Duration, Instant};

/// Bytes of the request line and the headers.
const HEAD: usize = 16 << 10;
/// Bytes of a body: many times the longest kernel file.
const BODY: usize = 4 << 20;
/// From the first byte to the last, each way.
const PATIENCE: Duration = Duration::from_secs(10);

/// What a browser asks.
pub(super) struct Request {
    /// `GET`.
    pub(super) method: String,
    /// The path, as it was sent, without the query.
    pub(super) path: String,
    /// Names in lower case.
    headers: Vec<(String, String)>,
    /// What follows.
    pub(super) body: Vec<u8>,
}

impl Request {
    /// The value of a header. One that is there twice is as good as none: two readers may choose
    /// differently.
    pub(super) fn header(&self, name: &str) -> Option<&str> {
        let mut values = self.headers.iter().filter(|(known, _)| known == name);
        let first = values.next()?;
        values.next().is_none().then_some(first.1.as_str())
    }
}

/// What it gets.
pub(super) struct Response {
    status: u16,
    media_type: &'static str,
    body: String,
}

impl Response {
    /// Of any type.
    pub(super) fn new(status: u16, media_type: &'static str, body: String) -> Response {
        Response { status, media_type, body }
    }

    /// A line of text.
    pub(super) fn plain(status: u16, text: &str) -> Response {
        Response::new(status, "text/plain; charset=utf-8", format!("{text}\n"))
    }

    /// An answer.
    pub(super) fn json(text: String) -> Response {
        Response::new(200, "application/json", text)
    }
}

/// Reads a request.
pub(super) fn read(stream: &TcpStream) -> Result<Request, Response> {
    let mut input = Input { stream, end: Instant::now() + PATIENCE, bytes: Vec::new() };
    let head_len = loop {
        if let Some(at) = input.bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at + 4;
        }
        if input.bytes.len() > HEAD {
            return Err(Response::plain(431, "the headers are too long"));
        }
        input.more()?;
    };
    let body = input.bytes.split_off(head_len);
    let mut request = parse(&input.bytes)?;
    let len = body_len(&request)?;
    input.bytes = body;
    while input.bytes.len() < len {
        input.more()?;
    }
    input.bytes.truncate(len);
    request.body = input.bytes;
    Ok(request)
}

/// A connection that is read from until the time is over.
struct Input<'s> {
    stream: &'s TcpStream,
    end: Instant,
    bytes: Vec<u8>,
}

impl Input<'_> {
    fn more(&mut self) -> Result<(), Response> {
        let late = || Response::plain(408, "the request takes too long");
        let left = self.end.saturating_duration_since(Instant::now());
        if left.is_zero() || self.stream.set_read_timeout(Some(left)).is_err() {
            return Err(late());
        }
        let mut buffer = [0; 16 << 10];
        match self.stream.read(&mut buffer) {
            Ok(0) => Err(Response::plain(400, "the request ends too early")),
            Ok(len) => {
                self.bytes.extend_from_slice(&buffer[..len]);
                Ok(())
            }
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => Ok(()),
            Err(_) => Err(late()),
        }
    }
}

fn parse(head: &[u8]) -> Result<Request, Response> {
    let bad = || Response::plain(400, "this is not a request of HTTP/1.1");
    let text = std::str::from_utf8(head).map_err(|_| bad())?;
    let mut lines = text.trim_end_matches("\r\n").split("\r\n");
    let words: Vec<&str> = lines.next().unwrap_or_default().split(' ').collect();
    let [method, target, version] = words[..] else { return Err(bad()) };
    if !version.starts_with("HTTP/1.") || !target.starts_with('/') {
        return Err(bad());
    }
    let header = |line: &str| {
        let (name, value) = line.split_once(':')?;
        let is_name = |ch: char| ch.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(ch);
        let is_valid = !name.is_empty() && name.chars().all(is_name);
        is_valid.then(|| (name.to_ascii_lowercase(), value.trim().to_string()))
    };
    let headers = lines.map(header).collect::<Option<Vec<_>>>().ok_or_else(bad)?;
    let path = target.split('?').next().unwrap_or_default().to_string();
    Ok(Request { method: method.to_string(), path, headers, body: Vec::new() })
}

/// How long the body is. Bodies in chunks are not understood: browsers send texts whole.
fn body_len(request: &Request) -> Result<usize, Response> {
    if request.headers.iter().any(|(name, _)| name == "transfer-encoding") {
        return Err(Response::plain(501, "bodies in chunks are not understood"));
    }
    let is_given = request.headers.iter().any(|(name, _)| name == "content-length");
    let len = match request.header("content-length") {
        None if is_given => return Err(Response::plain(400, "two lengths of one body")),
        None => 0,
        Some(text) => match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse().unwrap_or(usize::MAX),
            false => return Err(Response::plain(400, "the length is not a number")),
        },
    };
    if len > BODY {
        return Err(Response::plain(413, "the text is too long"));
    }
    Ok(len)
}

/// What pages may do: nothing but with this server; and nobody may frame them.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; \
    connect-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Writes a response and ends the connection. A reader that has gone is not an error.
pub(super) fn write(mut stream: &TcpStream, response: &Response) {
    let Response { status, media_type, body } = response;
    let reason = reason(*status);
    let head = format!(
        "HTTP/1.1 {status} {reason}\r\nContent-Type: {media_type}\r\nContent-Length: {}\r\n\
         Content-Security-Policy: {POLICY}\r\nCross-Origin-Resource-Policy: same-origin\r\n\
         X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\n\
         Cache-Control: no-store\r\nConnection: close\r\n\r\n",
        body.len()
    );
    let end = Instant::now() + PATIENCE;
    let mut rest: &[u8] = &[head.as_bytes(), body.as_bytes()].concat();
    while !rest.is_empty() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() || stream.set_write_timeout(Some(left)).is_err() {
            return;
        }
        match stream.write(rest) {
            Ok(0) | Err(_) => return,
            Ok(len) => rest = &rest[len..],
        }
    }
    let _ = stream.shutdown(Shutdown::Write);
    drain(stream);
}

/// Reads what a refused request still sends, a little, so that closing does not destroy the
/// response on its way (RFC 9112, 9.6).
fn drain(mut stream: &TcpStream) {
    let _ = stream.set_read_timeout(Some(Duration::from_millis(200)));
    let mut buffer = [0; 16 << 10];
    for _ in 0..16 {
        match stream.read(&mut buffer) {
            Ok(len) if len > 0 => {}
            _ => return,
        }
    }
}

fn reason(status: u16) -> &'static str {
    match status {
        200 => "OK",
        400 => "Bad Request",
        403 => "Forbidden",
        404 => "Not Found",
        405 => "Method Not Allowed",
        408 => "Request Timeout",
        409 => "Conflict",
        413 => "Content Too Large",
        421 => "Misdirected Request",
        431 => "Request Header Fields Too Large",
        501 => "Not Implemented",
        _ => "Internal Server Error",
    }
}
