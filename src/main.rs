//! `chat-backend`: reads the settings, puts the application together and serves it.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use chat_backend::app::App;
use chat_backend::cli::banner;
use chat_backend::cli::check;
use chat_backend::cli::reset_local::Reset;
use chat_backend::clock::Clock;
use chat_backend::config::Config;
use chat_backend::observability::logging;
use chat_backend::sandbox::worker;
use chat_backend::server::connections::open_files;
use chat_backend::server::{self, shutdown};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long threads that are at work may take to end.
const THREAD_TIMEOUT: Duration = Duration::from_secs(1);

const HELP: &str = "\
chat-backend: the API server behind an AI chat front end on Supabase

Usage: chat-backend [check | reset-local [--yes] | --help | --version]

Without arguments the server starts. It is set up by environment variables, which may stand in a
file named .env; .env.example lists them all. With none set it brings its own local Supabase and a
scripted model that needs no key.

check looks at the settings, at Supabase and its schema, and at the providers' keys, and says what
to fix and what it could not look at. It ends with 0 if it found no problem, else with 1.

reset-local deletes the tables that the migrations in MIGRATIONS_DIR have made in the local Supabase,
after a question, so that they are made anew at the next start. Users, files and the tables of
chat-backend stay.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // A worker of the sandbox has no settings and no runtime.
    if let Some((worker::ARGUMENT, arguments)) =
        arguments.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        return worker::main(arguments);
    }
    match arguments.iter().map(String::as_str).collect::<Vec<_>>().as_slice() {
        [] => start(),
        ["check"] => check(),
        ["reset-local"] => reset_local(false),
        ["reset-local", "--yes"] => reset_local(true),
        ["--help" | "-h"] => say(HELP),
        ["--version" | "-V"] => say(concat!("chat-backend ", env!("CARGO_PKG_VERSION"), "\n")),
        _ => fail(&format!("unknown arguments: {}. Try --help", arguments.join(" "))),
    }
}

fn start() -> ExitCode {
    let run = || {
        let config = Config::from_env().map_err(|error| error.to_string())?;
        logging::init(&config)?;
        open_files::raise_limit();
        let stop = shutdown::on_signal(config.shutdown_grace)?;
        let runtime = runtime()?;
        let served = runtime.block_on(serve(config, stop));
        // What cannot be interrupted is not waited for.
        runtime.shutdown_timeout(THREAD_TIMEOUT);
        served
    };
    match run() {
        Ok(()) => ExitCode::SUCCESS,
        Err(problem) => fail(&problem),
    }
}

fn check() -> ExitCode {
    let run = || {
        let config = Config::from_env().map_err(|error| error.to_string())?;
        Ok::<_, String>(runtime()?.block_on(check::run(config, Clock::System)))
    };
    match run() {
        Ok(report) => {
            say(&report.to_string());
            if report.problems() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(problem) => fail(&problem),
    }
}

fn reset_local(is_sure: bool) -> ExitCode {
    let run = || {
        let config = Config::from_env().map_err(|error| error.to_string())?;
        let reset = Reset::new(&config)?;
        if !is_sure {
            say(&reset.question());
            let mut answer = String::new();
            std::io::stdin().read_line(&mut answer).map_err(|error| error.to_string())?;
            if !["y", "yes"].contains(&answer.trim().to_ascii_lowercase().as_str()) {
                return Ok("Nothing was deleted.\n".to_owned());
            }
        }
        reset.run()
    };
    match run() {
        Ok(done) => say(&done),
        Err(problem) => fail(&problem),
    }
}

fn runtime() -> Result<Runtime, String> {
    Runtime::new().map_err(|error| format!("the async runtime cannot start: {error}"))
}

async fn serve(config: Config, stop: CancellationToken) -> Result<(), String> {
    let (host, port) = config.listen.clone();
    let listener = TcpListener::bind((host.as_str(), port)).await.map_err(|error| {
        format!(
            "HOST, PORT: cannot listen on {host}:{port}: {error}. Stop what uses it, or set \
             another PORT"
        )
    })?;
    let app = App::build(config, Clock::System).await.map_err(|error| error.to_string())?;
    say(&banner::text(&app, &listener));
    server::serve(app, listener, stop.cancelled()).await;
    Ok(())
}

fn say(text: &str) -> ExitCode {
    // Nobody may be reading; that is no reason to fail.
    let _ = std::io::stdout().write_all(text.as_bytes());
    ExitCode::SUCCESS
}

fn fail(problem: &str) -> ExitCode {
    let _ = writeln!(std::io::stderr(), "chat-backend: {problem}");
    ExitCode::FAILURE
}
