//! The load loop: N keep-alive connections, one thread, epoll; the next request leaves when the answer is in.
//!
//! A closed loop: with N clients there are never more than N requests under way, so a stalled server is also asked
//! less, and the latencies are those of N patient clients, not of an open arrival rate.
//!
//! Everything per request is kept off the heap and out of the way, because the generator shares its cores with the
//! server it measures: a few dozen bytes are patched, one write, one read, no timer, no allocation.

use std::io::{ErrorKind, Read, Write};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use mio::net::TcpStream;
use mio::{Events, Interest, Poll, Token};

use crate::procfs;
use crate::response::{self, Answer};
use crate::stats::percentile;
use crate::workload::Workload;

/// No answer at all for this long means the server hangs; the slowest honest fsync is far below it.
const SILENCE_MAX: Duration = Duration::from_secs(60);

/// Room for one answer; it grows when a server answers more.
const ANSWER_BYTES: usize = 4 * 1024;

/// How much of the first wrong answer is kept for the report, bytes.
const FAILURE_BYTES_MAX: usize = 400;

/// What came of a load.
#[derive(Debug)]
pub struct Outcome {
    /// Requests answered (any status).
    pub requests: usize,
    /// Events in those requests.
    pub events: usize,
    /// First byte sent to last answer received.
    pub elapsed: Duration,
    /// CPU of this process during the load, user and system.
    pub generator_cpu: Duration,
    latencies_us: Vec<u32>,
    failures: usize,
    first_failure: String,
}

impl Outcome {
    /// Events per second over the whole load.
    pub fn events_per_s(&self) -> f64 {
        self.events as f64 / self.elapsed.as_secs_f64()
    }

    /// CPU of the generator per request, microseconds.
    pub fn generator_cpu_us(&self) -> f64 {
        self.generator_cpu.as_secs_f64() * 1e6 / self.requests.max(1) as f64
    }

    /// Latency percentile of a request, milliseconds.
    pub fn latency_ms(&self, percent: f64) -> f64 {
        f64::from(percentile(&self.latencies_us, percent).unwrap_or(0)) / 1e3
    }

    /// The load itself, if every answer was a 200.
    ///
    /// # Errors
    /// Names how many answers were not, and shows the first one.
    pub fn all_answered_200(self) -> Result<Self> {
        if self.failures > 0 {
            bail!("{} of {} answers were not 200; the first: {}", self.failures, self.requests, self.first_failure);
        }
        Ok(self)
    }
}

/// Sends `requests` requests of `workload` over `clients` connections to `server` and waits for every answer.
///
/// # Errors
/// Fails when a connection is refused, closed or silent for a minute, or when an answer cannot be parsed. An answer
/// other than 200 is no error here: it is counted, see [`Outcome::all_answered_200`].
pub fn run(server: SocketAddr, workload: &mut Workload, clients: usize, requests: usize) -> Result<Outcome> {
    let mut poll = Poll::new().context("open epoll")?;
    let mut connections = Vec::with_capacity(clients);
    for index in 0..clients.min(requests) {
        let mut connection = Connection::open(server, workload.buffer())?;
        // Registered once for both: epoll is edge-triggered, so an always writable socket wakes nobody up.
        let interest = Interest::READABLE | Interest::WRITABLE;
        poll.registry().register(&mut connection.stream, Token(index), interest).context("register with epoll")?;
        connections.push(connection);
    }

    let mut tally = Tally { latencies_us: Vec::with_capacity(requests), failures: 0, first_failure: String::new() };
    let cpu_before = procfs::own_cpu()?;
    let started = Instant::now();
    for connection in &mut connections {
        connection.send_next(workload)?;
    }
    let mut sent = connections.len();
    let mut events = Events::with_capacity(clients.max(1));
    while tally.latencies_us.len() < requests {
        if let Err(error) = poll.poll(&mut events, Some(SILENCE_MAX)) {
            if error.kind() == ErrorKind::Interrupted {
                continue;
            }
            return Err(error).context("wait for answers");
        }
        if events.is_empty() {
            bail!("no answer for {SILENCE_MAX:?}, {} of {requests} requests answered", tally.latencies_us.len());
        }
        for event in &events {
            let connection = &mut connections[event.token().0];
            if event.is_writable() {
                connection.write_on()?;
            }
            if event.is_readable() && connection.read_on(&mut tally)? && sent < requests {
                connection.send_next(workload)?;
                sent += 1;
            }
        }
    }
    let elapsed = started.elapsed();
    let generator_cpu = procfs::own_cpu()?.saturating_sub(cpu_before);
    tally.latencies_us.sort_unstable();
    Ok(Outcome {
        requests,
        events: requests * workload.events_per_request(),
        elapsed,
        generator_cpu,
        latencies_us: tally.latencies_us,
        failures: tally.failures,
        first_failure: tally.first_failure,
    })
}

struct Tally {
    latencies_us: Vec<u32>,
    failures: usize,
    first_failure: String,
}

impl Tally {
    fn add(&mut self, latency: Duration, status: u16, body: &[u8]) {
        self.latencies_us.push(u32::try_from(latency.as_micros()).unwrap_or(u32::MAX));
        if status != 200 {
            self.failures += 1;
            if self.first_failure.is_empty() {
                let body = &body[..body.len().min(FAILURE_BYTES_MAX)];
                self.first_failure = format!("{status} {}", String::from_utf8_lossy(body));
            }
        }
    }
}

struct Connection {
    stream: TcpStream,
    request: Vec<u8>,
    written: usize,
    answer: Vec<u8>,
    filled: usize,
    sent_at: Instant,
}

impl Connection {
    fn open(server: SocketAddr, request: Vec<u8>) -> Result<Self> {
        let stream = std::net::TcpStream::connect(server).with_context(|| format!("connect to {server}"))?;
        stream.set_nodelay(true).context("set TCP_NODELAY")?;
        stream.set_nonblocking(true).context("make the socket non-blocking")?;
        Ok(Self {
            stream: TcpStream::from_std(stream),
            written: request.len(),
            request,
            answer: vec![0; ANSWER_BYTES],
            filled: 0,
            sent_at: Instant::now(),
        })
    }

    fn send_next(&mut self, workload: &mut Workload) -> Result<()> {
        workload.fill(&mut self.request);
        self.written = 0;
        self.sent_at = Instant::now();
        self.write_on()
    }

    /// Writes what is left of the request; a full socket buffer is taken up again at the next writable edge.
    fn write_on(&mut self) -> Result<()> {
        while self.written < self.request.len() {
            match self.stream.write(&self.request[self.written..]) {
                Ok(0) => bail!("the server takes no more bytes"),
                Ok(written) => self.written += written,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) => return Err(error).context("send a request"),
            }
        }
        Ok(())
    }

    /// Reads once; true when the answer is whole.
    ///
    /// A read that leaves room in the buffer has emptied the socket, and the next bytes raise a new edge: reading on
    /// until the socket says so would double the system calls. A read that filled the buffer must be repeated.
    fn read_on(&mut self, tally: &mut Tally) -> Result<bool> {
        loop {
            match self.stream.read(&mut self.answer[self.filled..]) {
                Ok(0) => bail!("the server closed a connection after {} answers", tally.latencies_us.len()),
                Ok(read) => self.filled += read,
                Err(error) if error.kind() == ErrorKind::WouldBlock => return Ok(false),
                Err(error) if error.kind() == ErrorKind::Interrupted => continue,
                Err(error) => return Err(error).context("receive an answer"),
            }
            if let Some(Answer { status, body }) = response::parse(&self.answer[..self.filled])? {
                if body.end != self.filled || self.written < self.request.len() {
                    bail!("the server answered more than it was asked: status {status}");
                }
                tally.add(self.sent_at.elapsed(), status, &self.answer[body]);
                self.filled = 0;
                return Ok(true);
            }
            if self.filled < self.answer.len() {
                return Ok(false);
            }
            self.answer.resize(self.answer.len() * 2, 0);
        }
    }
}
