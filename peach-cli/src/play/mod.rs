//! `peach play [FILE]`: the playground on this machine.
//!
//! In: a file, or none. Out: pages and answers, to a browser on this machine, until the command is
//! stopped.
//!
//! What must hold, whoever connects: only the loopback interface is listened on; a request whose
//! `Host` is another name (DNS rebinding) or whose `Origin` is another page is refused; nothing is
//! compiled, read or written without the token that is printed; of all files only FILE is read or
//! written, and written only on request; no request is larger or slower than `http` allows, and no
//! more than [`CONNECTIONS`] are served at a time.
//!
//! | what | module |
//! |---|---|
//! | requests and responses, within limits | `http` |
//! | who may ask | `guard` |
//! | FILE | `file` |

mod file;
mod guard;
mod http;

use crate::mca::Mca;
use crate::messages;
use crate::options::Matches;
use file::File;
use guard::Guard;
use http::{Request, Response};
use peach_build::{Error, Report};
use peach_playground::cost::{Predictor, Table};
use peach_playground::site;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// Connections that are served at a time; more are closed at once.
const CONNECTIONS: usize = 32;

/// Stack of a thread that compiles, in bytes: as the command's main thread has on Linux.
const STACK: usize = 8 << 20;

/// What every connection needs.
struct Server {
    guard: Guard,
    file: File,
    /// What predicts the costs of loops: llvm-mca, if it is installed.
    predictor: Box<dyn Predictor + Send + Sync>,
    open: AtomicUsize,
}

/// Serves until it is stopped.
pub fn run(matches: &Matches) -> messages::Result {
    let file = File::new(matches.path("FILE"))?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port(matches)?));
    let listener = listener.map_err(|error| Error::File(format!("the port: {error}")))?;
    let port = listener.local_addr().map_err(|error| Error::File(error.to_string()))?.port();
    let guard = Guard::new(port);
    let address = guard.address();
    println!("{address}");
    messages::print("the playground is at this address until the command is stopped (Ctrl+C)\n");
    if matches.has("--open") {
        open_browser(&address);
    }
    let predictor: Box<dyn Predictor + Send + Sync> = match Mca::find() {
        Ok(mca) => Box::new(mca),
        Err(_) => Box::new(Table),
    };
    serve(&listener, Server { guard, file, predictor, open: AtomicUsize::new(0) });
    Ok(Report::default())
}

fn port(matches: &Matches) -> Result<u16, Error> {
    let text = matches.text("--port").unwrap_or("0");
    text.parse().map_err(|_| {
        Error::Usage(format!("--port={text}: expected a number from 0 (any free port) to 65535"))
    })
}

fn serve(listener: &TcpListener, server: Server) {
    let server = Arc::new(server);
    // A connection that fails before it is accepted concerns nobody else.
    for stream in listener.incoming().flatten() {
        if server.open.fetch_add(1, Ordering::SeqCst) >= CONNECTIONS {
            server.open.fetch_sub(1, Ordering::SeqCst);
            continue;
        }
        let of_thread = Slot(Arc::clone(&server));
        let thread = thread::Builder::new().stack_size(STACK);
        // Where no thread can be had, the closure is dropped, and with it connection and slot.
        let _ = thread.spawn(move || converse(&stream, &of_thread.0));
    }
}

/// One of the connections that are served; gives its place back, after a panic too.
struct Slot(Arc<Server>);

impl Drop for Slot {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::SeqCst);
    }
}

/// One request, one response.
fn converse(stream: &TcpStream, server: &Server) {
    let response = match http::read(stream) {
        Ok(request) => server.respond(&request),
        Err(response) => response,
    };
    http::write(stream, &response);
}

impl Server {
    fn respond(&self, request: &Request) -> Response {
        if let Err(refusal) = self.guard.check_place(request) {
            return refusal;
        }
        match (request.method.as_str(), request.path.as_str()) {
            ("GET", "/") => Response::new(200, "text/html; charset=utf-8", site::page()),
            ("GET", path) => match site::asset(path) {
                Some(asset) => Response::new(200, asset.media_type, asset.text.to_string()),
                None => Response::plain(404, "there is no such page"),
            },
            ("POST", path) => match self.guard.check_token(request) {
                Ok(()) => self.act(path, &request.body),
                Err(refusal) => refusal,
            },
            _ => Response::plain(405, "only GET and POST are understood"),
        }
    }

    /// What only a page with the token may ask for.
    fn act(&self, path: &str, body: &[u8]) -> Response {
        let Ok(text) = std::str::from_utf8(body) else {
            return Response::plain(400, "the text is not UTF-8");
        };
        match path {
            "/answer" => Response::json(peach_playground::answer_with(text, &*self.predictor)),
            "/file" => self.file.read(),
            "/save" => self.file.save(text, false),
            "/overwrite" => self.file.save(text, true),
            _ => Response::plain(404, "there is no such request"),
        }
    }
}

/// Asks the desktop to show the page. Where it cannot, the address is on standard output.
fn open_browser(address: &str) {
    let program = if cfg!(target_vendor = "apple") {
        "open"
    } else if cfg!(windows) {
        "explorer"
    } else {
        "xdg-open"
    };
    if std::process::Command::new(program).arg(address).spawn().is_err() {
        messages::print(&format!("{program} cannot be started: open the address by hand\n"));
    }
}
