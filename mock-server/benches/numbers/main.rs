//! The numbers that the mock holds: what it costs beside a bare hyper server that sends the same bytes in the same
//! run, how long a start takes, whether memory stays flat.
//!
//! `cargo bench -p mock-server` prints a table and ends with 1 when a limit is broken. It is no part of
//! `cargo test`. `BENCH_REQUESTS` says how many requests the memory is watched over (100000 without it).
//!
//! Costs are the processor time of the server's process (`/proc/PID/stat`, so on Linux only), not wall time: both
//! servers share the machine with the client and with whatever else runs.

mod bare;
mod client;
mod process;

use std::error::Error;
use std::io::Write as _;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use client::{Client, request};
use process::Server;

type Fallible<T> = Result<T, Box<dyn Error + Send + Sync>>;

const KIB: f64 = 1024.0;
/// Ratios are taken so often, the two servers in turn; the middle one counts.
const ROUNDS: usize = 5;
/// Images as large as real ones, in bytes.
const IMAGE_BYTES: &str = "2000000";

/// One line of the table.
struct Line {
    name: &'static str,
    measured: f64,
    limit: f64,
    unit: &'static str,
    details: String,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().collect();
    if let [_, word, file] = &arguments[..]
        && word == bare::WORD
    {
        return done(bare::serve(file));
    }
    if !arguments.iter().any(|argument| argument == "--bench") {
        // `cargo test --benches` and the like build it, and have no use for it.
        return ExitCode::SUCCESS;
    }
    done(measure())
}

fn done(result: Fallible<bool>) -> ExitCode {
    match result {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::from(1),
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::from(3)
        }
    }
}

/// Measures everything; says whether all limits are held.
fn measure() -> Fallible<bool> {
    let mut out = std::io::stdout();
    writeln!(
        out,
        "{:44} {:>10} {:>10}",
        "server beside a bare hyper server", "measured", "limit"
    )?;
    let mut good = true;
    for line in [costs, start, memory] {
        for line in line()? {
            let held = line.measured <= line.limit;
            good &= held;
            let (measured, limit) = (
                format!("{:.2} {}", line.measured, line.unit),
                format!("{:.2} {}", line.limit, line.unit),
            );
            let verdict = if held { "ok" } else { "BROKEN" };
            let (name, details) = (line.name, line.details);
            writeln!(
                out,
                "{name:44} {measured:>10} {limit:>10}  {verdict:6}  {details}"
            )?;
        }
    }
    Ok(good)
}

/// What is asked for, how often a round, and how much the mock may cost beside the bare server.
struct Load {
    name: &'static str,
    request: Vec<u8>,
    requests: usize,
    limit: f64,
}

fn loads() -> [Load; 3] {
    let chat = r#"{"model":"gpt-4o-mini","messages":[{"role":"user","content":"a fox"}]}"#;
    let image = r#"{"model":"gpt-image-1","prompt":"a fox"}"#;
    let stream = r#"{"model":"gpt-image-1","prompt":"a fox","stream":true,"partial_images":3}"#;
    [
        Load {
            name: "small JSON answer, journal on",
            request: request("/v1/chat/completions", chat),
            requests: 20_000,
            limit: 2.0,
        },
        Load {
            name: "image of 2 MB",
            request: request("/v1/images/generations", image),
            requests: 400,
            limit: 1.2,
        },
        Load {
            name: "stream of three partial images",
            request: request("/v1/images/generations", stream),
            requests: 1000,
            limit: 2.0,
        },
    ]
}

/// Processor time a request beside the bare server, and what the mock adds to each event of a stream.
fn costs() -> Fallible<Vec<Line>> {
    let mut lines = Vec::new();
    for load in loads() {
        let large: &[&str] = match load.name {
            "image of 2 MB" => &["--image-bytes", IMAGE_BYTES],
            _ => &[],
        };
        let mock = Server::mock(large)?;
        let sample = Client::connect(mock.address)?.ask(&load.request)?;
        let bare = Server::bare(&sample)?;
        let mut ratios = Vec::new();
        let mut times = Vec::new();
        for _ in 0..ROUNDS {
            let own = cost(&mock, &load)?;
            let beside = cost(&bare, &load)?;
            ratios.push(own / beside);
            times.push((own, beside));
        }
        let (own, beside) = times[times.len() / 2];
        let bytes = sample.body.iter().map(Vec::len).sum::<usize>();
        lines.push(Line {
            name: load.name,
            measured: middle(&mut ratios),
            limit: load.limit,
            unit: "x",
            details: format!("{own:.0} µs against {beside:.0} µs, {bytes} bytes"),
        });
        if sample.is_stream() {
            lines.push(added_delay(&mock, &bare, &load, sample.body.len())?);
        }
    }
    Ok(lines)
}

/// Processor time a request, in microseconds.
fn cost(server: &Server, load: &Load) -> Fallible<f64> {
    let mut client = Client::connect(server.address)?;
    // Whoever comes first warms up.
    for _ in 0..load.requests / 20 {
        client.ask(&load.request)?;
    }
    let before = server.processor_time()?;
    for _ in 0..load.requests {
        client.ask(&load.request)?;
    }
    let spent = server.processor_time()? - before;
    Ok(spent.as_secs_f64() * 1e6 / load.requests as f64)
}

/// What a client waits longer for each event.
fn added_delay(mock: &Server, bare: &Server, load: &Load, events: usize) -> Fallible<Line> {
    let time = |server: &Server| -> Fallible<f64> {
        let mut client = Client::connect(server.address)?;
        let mut times = Vec::new();
        for _ in 0..200 {
            let began = Instant::now();
            client.ask(&load.request)?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        Ok(middle(&mut times))
    };
    let (own, beside) = (time(mock)?, time(bare)?);
    Ok(Line {
        name: "  added delay per event",
        measured: (own - beside) / events as f64,
        limit: 1.0,
        unit: "ms",
        details: format!("{own:.2} ms against {beside:.2} ms for {events} events"),
    })
}

/// From the start of the process to its first whole answer.
fn start() -> Fallible<Vec<Line>> {
    let [small, image, _] = loads();
    let mut measured = Vec::new();
    for load in [&small, &image] {
        let mut times = Vec::new();
        for _ in 0..7 {
            let began = Instant::now();
            let mock = Server::mock(&[])?;
            Client::connect(mock.address)?.ask(&load.request)?;
            times.push(began.elapsed().as_secs_f64() * 1000.0);
        }
        measured.push(middle(&mut times));
    }
    let painted = measured[1];
    Ok(vec![Line {
        name: "start to first answer",
        measured: measured[0],
        limit: 50.0,
        unit: "ms",
        details: format!("{painted:.0} ms to a first image of 1024x1024"),
    }])
}

/// Memory over many requests, each with a prompt of its own, so that nothing but bounds keeps it flat.
fn memory() -> Fallible<Vec<Line>> {
    let stated = std::env::var("BENCH_REQUESTS").ok();
    let total: usize = stated.map_or(Ok(100_000), |text| text.parse())?;
    let mock = Server::mock(&[])?;
    let mut client = Client::connect(mock.address)?;
    let (mut half, began) = (0.0, Instant::now());
    for number in 0..total {
        // Often enough that the cache of pictures is full long before half of them.
        let (path, body) = if number % 100 == 0 {
            let body = format!(r#"{{"model":"gpt-image-1","prompt":"fox {number}"}}"#);
            ("/v1/images/generations", body)
        } else {
            let body = format!(
                r#"{{"model":"gpt-4o-mini","messages":[{{"role":"user","content":"fox {number}"}}]}}"#
            );
            ("/v1/chat/completions", body)
        };
        client.ask(&request(path, &body))?;
        if number == total / 2 {
            half = mock.memory("VmRSS")?;
        }
    }
    let (end, most) = (mock.memory("VmRSS")?, mock.memory("VmHWM")?);
    let seconds = began.elapsed().max(Duration::from_millis(1)).as_secs_f64();
    let details = format!("{total} requests, {:.0} a second", total as f64 / seconds);
    Ok(vec![
        Line {
            name: "memory at most",
            measured: most / KIB,
            limit: 100.0,
            unit: "MiB",
            details,
        },
        Line {
            name: "  added by the second half",
            measured: (end - half) / KIB,
            limit: 5.0,
            unit: "MiB",
            details: format!("{:.1} MiB to {:.1} MiB", half / KIB, end / KIB),
        },
    ])
}

fn middle(values: &mut [f64]) -> f64 {
    values.sort_by(f64::total_cmp);
    values[values.len() / 2]
}
