//! `peach play`: what it serves, and everything that it must refuse.

#[expect(dead_code, reason = "every test uses its own part of it")]
mod support;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};
use support::{Files, PEACH};

const KERNEL: &str = "pub fn a(x: u64) -> u64 { add x, 1; return x; }\n";

/// A server that runs until it is dropped.
struct Server {
    process: Child,
    port: u16,
    token: String,
}

impl Server {
    /// In a folder, with these arguments.
    fn start(folder: &Path, arguments: &[&str]) -> Server {
        let mut process = Command::new(PEACH)
            .arg("play")
            .args(arguments)
            .current_dir(folder)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command runs");
        let mut line = String::new();
        let output = process.stdout.take().expect("an output");
        BufReader::new(output).read_line(&mut line).expect("an address");
        let rest = line.trim().strip_prefix("http://127.0.0.1:").expect("a loopback address");
        let (port, token) = rest.split_once("/#token=").expect("a token");
        assert!(token.len() == 32, "{token}");
        let (port, token) = (port.parse().expect("a port"), token.to_string());
        Server { process, port, token }
    }

    fn connect(&self) -> TcpStream {
        let stream = TcpStream::connect(("127.0.0.1", self.port)).expect("a connection");
        stream.set_read_timeout(Some(Duration::from_secs(30))).expect("set");
        stream
    }

    /// Sends bytes as they are, and gives status and text of what comes back.
    fn raw(&self, request: &[u8]) -> (u16, String) {
        let mut stream = self.connect();
        // A server that refuses early may close before all is sent.
        let _ = stream.write_all(request);
        answered(stream)
    }

    /// A request with headers, `Host` and the length included where they are not given.
    fn ask(&self, method: &str, path: &str, headers: &[(&str, &str)], body: &str) -> (u16, String) {
        let mut text = format!("{method} {path} HTTP/1.1\r\nContent-Length: {}\r\n", body.len());
        if !headers.iter().any(|(name, _)| *name == "Host") {
            text += &format!("Host: 127.0.0.1:{}\r\n", self.port);
        }
        headers.iter().for_each(|(name, value)| text += &format!("{name}: {value}\r\n"));
        self.raw(format!("{text}\r\n{body}").as_bytes())
    }

    /// What the page itself sends.
    fn post(&self, path: &str, body: &str) -> (u16, String) {
        let origin = format!("http://127.0.0.1:{}", self.port);
        let headers = [("Origin", origin.as_str()), ("X-Peach-Token", &self.token)];
        self.ask("POST", path, &headers, body)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Status and body.
fn answered(mut stream: TcpStream) -> (u16, String) {
    let mut bytes = Vec::new();
    let _ = stream.read_to_end(&mut bytes);
    let text = String::from_utf8_lossy(&bytes);
    let status = text.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
    let body = text.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    (status, body.to_string())
}

#[test]
fn the_page_and_its_answers() {
    let files = Files::new("play-page");
    files.file("a.peach", KERNEL);
    let server = Server::start(&files.0, &["a.peach"]);
    let (status, page) = server.ask("GET", "/", &[], "");
    assert!(status == 200 && page.contains("data-engine=\"native\""), "{status} {page}");
    assert!(!page.contains(&server.token), "the token is in the address alone");
    // Every file that the page names is there.
    for part in page.split("src=\"").chain(page.split("href=\"")).skip(1) {
        let name = part.split('"').next().expect("a name");
        if name.ends_with(".js") || name.ends_with(".css") {
            assert_eq!(server.ask("GET", &format!("/{name}"), &[], "").0, 200, "{name}");
        }
    }
    let request = serde_json::json!({ "text": KERNEL, "format": "bytes" }).to_string();
    let (status, answer) = server.post("/answer", &request);
    let answer: serde_json::Value = serde_json::from_str(&answer).expect("JSON");
    assert!(status == 200 && answer["kernels"] == serde_json::json!(["a"]), "{answer}");
    // The bytes are those of the other way into the compiler.
    let bytes = answer["output"].as_str().expect("bytes");
    let mut encoded = String::new();
    for line in ["add rdi, 1", "mov rax, rdi", "ret"] {
        encoded += &files.peach_with(&["encode", line]).succeeded().stdout;
    }
    assert_eq!(bytes, format!("# a\n{encoded}"));
    assert_eq!(server.post("/answer", "{").0, 200);
    assert_eq!(server.ask("PUT", "/", &[], "").0, 405);
    assert_eq!(server.ask("GET", "/nothing", &[], "").0, 404);
    assert_eq!(server.post("/nothing", "").0, 404);
}

/// FILE is read, written on request, and not over what somebody else wrote.
#[test]
fn the_file_is_saved_on_request() {
    let files = Files::new("play-file");
    files.file("a.peach", KERNEL);
    files.file("b.peach", "another\n");
    let server = Server::start(&files.0, &["a.peach"]);
    let (_, read) = server.post("/file", "");
    let read: serde_json::Value = serde_json::from_str(&read).expect("JSON");
    assert!(read["name"] == "a.peach" && read["text"] == KERNEL, "{read}");
    assert_eq!(server.post("/save", "new\n"), (200, "saved\n".to_string()));
    assert_eq!(files.text("a.peach"), "new\n");
    files.file("a.peach", "changed by others\n");
    let (status, text) = server.post("/save", "lost?\n");
    assert!(status == 409 && text.contains("changed on disk"), "{status} {text}");
    assert_eq!(files.text("a.peach"), "changed by others\n");
    assert_eq!(server.post("/overwrite", "yes\n").0, 200);
    assert_eq!(files.text("a.peach"), "yes\n");
    assert_eq!(files.text("b.peach"), "another\n");
    assert_eq!(files.names(), ["a.peach", "b.peach"]);
    // A file that does not exist is made when it is saved; without one, nothing is.
    let server = Server::start(&files.0, &["new.peach"]);
    assert_eq!(files.names(), ["a.peach", "b.peach"]);
    assert_eq!(server.post("/save", KERNEL).0, 200);
    assert_eq!(files.text("new.peach"), KERNEL);
    let server = Server::start(&files.0, &[]);
    assert_eq!(server.post("/save", KERNEL).0, 409);
    assert_eq!(files.names(), ["a.peach", "b.peach", "new.peach"]);
}

/// Pages of other sites, names that lead here, programs without the token.
#[test]
fn others_are_refused() {
    let files = Files::new("play-others");
    files.file("a.peach", KERNEL);
    let server = Server::start(&files.0, &["a.peach"]);
    let token = ("X-Peach-Token", server.token.as_str());
    let own = format!("http://127.0.0.1:{}", server.port);
    let request = r#"{"text":"pub fn a() { nop; }"}"#;
    let rebound = format!("evil.example:{}", server.port);
    for host in ["evil.example", &rebound, "127.0.0.1", "127.0.0.1:1", "", "0.0.0.0", "[::1]"] {
        for (method, path) in [("GET", "/"), ("GET", "/app.js"), ("POST", "/answer")] {
            let headers = [("Host", host), ("Origin", own.as_str()), token];
            assert_eq!(server.ask(method, path, &headers, request).0, 421, "{host} {path}");
        }
    }
    let near = format!("{own}.evil.example");
    let secure = own.replace("http", "https");
    for origin in ["http://evil.example", "null", "", "file://", &near, &secure, "http://127.0.0.1"]
    {
        let headers = [("Origin", origin), token];
        for path in ["/answer", "/file", "/save", "/overwrite"] {
            assert_eq!(server.ask("POST", path, &headers, request).0, 403, "{origin} {path}");
        }
        assert_eq!(server.ask("GET", "/", &[("Origin", origin)], "").0, 403, "{origin}");
    }
    let longer = format!("{}0", server.token);
    let other = "0".repeat(32);
    for token in ["", "x", &server.token[1..], &longer, &other] {
        let headers = [("Origin", own.as_str()), ("X-Peach-Token", token)];
        for path in ["/answer", "/file", "/save", "/overwrite"] {
            assert_eq!(server.ask("POST", path, &headers, request).0, 403, "{token} {path}");
        }
    }
    assert_eq!(server.ask("POST", "/save", &[("Origin", &own)], request).0, 403);
    // The same header twice: which one counts?
    let twice = [("Host", "evil.example"), ("Host", own.trim_start_matches("http://")), token];
    assert_eq!(server.ask("GET", "/", &twice, "").0, 421);
    // A page elsewhere cannot send the token without asking first, and is not allowed to.
    let preflight = [("Origin", "http://evil.example"), ("Access-Control-Request-Method", "POST")];
    let (status, text) = server.ask("OPTIONS", "/answer", &preflight, "");
    assert!(status == 403 && !text.contains("Allow"), "{status} {text}");
    assert_eq!(files.text("a.peach"), KERNEL);
}

/// No path and no text leads to another file.
#[test]
fn nothing_else_is_read() {
    let files = Files::new("play-paths");
    let secret = files.file("secret.peach", "pub fn stolen() { nop; }\n");
    files.file("folder/a.peach", KERNEL);
    let server = Server::start(&files.0.join("folder"), &["a.peach"]);
    let absolute = secret.display().to_string();
    for path in [
        "/../secret.peach",
        "/..%2fsecret.peach",
        "/%2e%2e/secret.peach",
        "/a.peach",
        "//etc/passwd",
        "/examples/../../secret.peach",
        "/examples/..\\..\\secret.peach",
        &absolute,
        "/app.js%00",
        "/?../secret.peach/",
    ] {
        let (status, text) = server.ask("GET", path, &[], "");
        assert!(!text.contains("stolen"), "{path}: {text}");
        assert!(status == 404 || path.starts_with("/?"), "{path}: {status}");
    }
    for text in [
        format!("include!(\"{absolute}\");"),
        "include!(\"../secret.peach\");".to_string(),
        format!("#[path = \"{absolute}\"] mod m; use x;"),
        "mod secret; use x;".to_string(),
    ] {
        for name in ["kernels", "a.peach", "../secret.peach", "a.rs"] {
            let request = serde_json::json!({ "text": text, "name": name }).to_string();
            let (status, answer) = server.post("/answer", &request);
            assert!(status == 200 && !answer.contains("stolen"), "{text}: {answer}");
            assert!(answer.contains("\"severity\":\"error\""), "{text}: {answer}");
        }
    }
}

/// Requests that are too long, too slow, too many, or none at all.
#[test]
fn nothing_hangs() {
    let files = Files::new("play-load");
    let server = Server::start(&files.0, &[]);
    let host = format!("Host: 127.0.0.1:{}\r\n", server.port);
    let long = "a".repeat(1 << 20);
    for (request, status) in [
        (format!("GET /{long} HTTP/1.1\r\n{host}\r\n"), 431),
        (format!("GET / HTTP/1.1\r\n{host}X: {long}\r\n\r\n"), 431),
        (format!("POST /answer HTTP/1.1\r\n{host}Content-Length: 99999999999\r\n\r\n"), 413),
        (format!("POST /answer HTTP/1.1\r\n{host}Content-Length: {}9\r\n\r\n", u64::MAX), 413),
        (format!("POST /answer HTTP/1.1\r\n{host}Content-Length: -1\r\n\r\n"), 400),
        (format!("POST / HTTP/1.1\r\n{host}Content-Length: 1\r\nContent-Length: 2\r\n\r\n"), 400),
        (format!("POST / HTTP/1.1\r\n{host}Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"), 501),
        (format!("GET / HTTP/9\r\n{host}\r\n"), 400),
        (format!("GET http://127.0.0.1/ HTTP/1.1\r\n{host}\r\n"), 400),
        (format!("GET / HTTP/1.1\r\nHost : 127.0.0.1:{}\r\n\r\n", server.port), 400),
        ("\r\n\r\n".to_string(), 400),
        ("\0\0\0\0\r\n\r\n".to_string(), 400),
    ] {
        let shown = &request[..request.len().min(60)];
        assert_eq!(server.raw(request.as_bytes()).0, status, "{shown}");
    }
    assert_eq!(server.raw(b"\xff\xfe / HTTP/1.1\r\n\r\n").0, 400);
    // A text of the greatest length is answered, too; a panic or an endless loop would not be.
    let request = serde_json::json!({ "text": "(".repeat(1 << 20) }).to_string();
    assert_eq!(server.post("/answer", &request).0, 200);
    let request = r#"{"text":"pub fn a() { let mut i: const = 0; while i == 0 { } nop; }"}"#;
    let (status, answer) = server.post("/answer", request);
    assert!(status == 200 && answer.contains("error"), "{answer}");

    // More connections than are served, all silent: the others are closed, and when the time of the
    // silent ones is over the page is there again.
    let start = Instant::now();
    let silent: Vec<TcpStream> = (0..100).map(|_| server.connect()).collect();
    let mut slow = server.connect();
    let _ = slow.write_all(b"GET / HTTP/1.1\r\n");
    loop {
        let (status, _) = server.ask("GET", "/", &[], "");
        if status == 200 {
            break;
        }
        assert!(start.elapsed() < Duration::from_secs(40), "the page does not come back");
        std::thread::sleep(Duration::from_millis(200));
    }
    drop(silent);
    // A request that comes a byte at a time has no longer than any other.
    let start = Instant::now();
    let mut drip = server.connect();
    let mut sent = 0;
    while drip.write_all(b"G").is_ok() && start.elapsed() < Duration::from_secs(40) {
        sent += 1;
        std::thread::sleep(Duration::from_millis(250));
    }
    assert!(start.elapsed() < Duration::from_secs(20), "{sent} bytes were waited for");
    assert_eq!(server.ask("GET", "/", &[], "").0, 200);
}

#[test]
fn only_the_loopback_interface_is_listened_on() {
    let files = Files::new("play-loopback");
    let server = Server::start(&files.0, &[]);
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let port = format!(":{:04X} ", server.port);
    let listeners: Vec<&str> =
        table.lines().filter(|line| line.contains(&port) && line.contains(" 0A ")).collect();
    assert!(listeners.iter().all(|line| line.contains("0100007F:")), "{listeners:?}");
    if cfg!(target_os = "linux") {
        assert_eq!(listeners.len(), 1, "{table}");
    }
}

#[test]
fn bad_arguments_are_refused() {
    let files = Files::new("play-usage");
    files.peach("play --port=99999").failed(2, "--port=99999: expected a number from 0");
    files.peach("play a b").failed(2, "unexpected argument 'b'");
    files.peach("play .").failed(1, "cannot be read");
    files.file("bytes", [0xff, 0xfe]);
    files.peach("play bytes").failed(1, "it is not UTF-8");
}
