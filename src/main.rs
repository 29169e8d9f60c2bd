//! `chat-backend`: reads the settings, puts the application together and serves it.

use std::io::Write;
use std::process::ExitCode;
use std::time::Duration;

use chat_backend::app::App;
use chat_backend::cli::arguments::{Command, HELP};
use chat_backend::cli::reset_local::Reset;
use chat_backend::cli::{backup, banner, check, health, migrations};
use chat_backend::clock::Clock;
use chat_backend::config::Config;
use chat_backend::observability::logging;
use chat_backend::sandbox::worker;
use chat_backend::server::connections::open_files;
use chat_backend::server::{self, reload, shutdown};
use tokio::net::TcpListener;
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// How long threads that are at work may take to end.
const THREAD_TIMEOUT: Duration = Duration::from_secs(1);

/// The exit code for arguments that cannot be understood.
const USAGE: u8 = 2;

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    // A worker of the sandbox has no settings and no runtime.
    if let Some((worker::ARGUMENT, arguments)) =
        arguments.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        return worker::main(arguments);
    }
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match Command::parse(&arguments) {
        Ok(command) => carry_out(command),
        Err(problem) => {
            fail(&problem);
            ExitCode::from(USAGE)
        }
    }
}

fn carry_out(command: Command) -> ExitCode {
    let with_config = |work: &dyn Fn(&Config) -> Result<String, String>| {
        let config = Config::from_env().map_err(|error| error.to_string());
        answer(config.and_then(|config| work(&config)))
    };
    match command {
        Command::Start => start(),
        Command::Check => check(),
        Command::Health => with_config(&|config| runtime()?.block_on(health::run(config))),
        Command::Migrations(None) => say(&migrations::text()),
        Command::Migrations(Some(folder)) => answer(migrations::write(&folder)),
        Command::Backup(file) => with_config(&|config| backup::backup(config, &file)),
        Command::Restore(file) => with_config(&|config| backup::restore(config, &file)),
        Command::ResetLocal { is_sure } => reset_local(is_sure),
        Command::Help => say(HELP),
        Command::Version => say(concat!("chat-backend ", env!("CARGO_PKG_VERSION"), "\n")),
    }
}

fn answer(result: Result<String, String>) -> ExitCode {
    match result {
        Ok(text) => say(&text),
        Err(problem) => fail(&problem),
    }
}

fn start() -> ExitCode {
    let run = || {
        let config = Config::from_env().map_err(|error| error.to_string())?;
        let runtime = runtime()?;
        let traces = logging::init(&config, runtime.handle())?;
        open_files::raise_limit();
        let stop = shutdown::on_signal(config.shutdown_grace)?;
        let served = runtime.block_on(serve(config, stop));
        if let Some(traces) = traces {
            traces.shutdown();
        }
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
    answer(run())
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
    for problem in &config.misspelt {
        tracing::warn!("{problem}");
    }
    let app = App::build(config, Clock::System).await.map_err(|error| error.to_string())?;
    reload::on_hangup(app.state.clone(), stop.clone());
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
