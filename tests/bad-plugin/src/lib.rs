//! A plugin that misbehaves on demand, for the tests of the border.
//!
//! Each fault of a running command is one value of `bad --fault`. Faults of the file itself
//! (truncated, another architecture, no manifest, a missing symbol, another border) are made by
//! the tests from a good library.

#![allow(unsafe_code, reason = "it takes unsafe code to crash")]

use toygres_plugin_api::{
    Args, Candidate, Confirmation, Context, Error, Report, Result, ValueEnum, plugin,
};

/// Misbehave in one way.
#[derive(Args)]
#[command(category = "Tests", watchable)]
struct Bad {
    /// How to misbehave
    #[arg(long)]
    fault: Fault,
}

/// A way to misbehave.
#[derive(ValueEnum, Clone, Copy)]
enum Fault {
    /// Answer properly
    None,
    /// Panic in the command
    Panic,
    /// Panic in a task that nobody waits for
    PanicInTask,
    /// Panic while a value is dropped
    PanicInDrop,
    /// Panic while a value that a task holds is dropped with the runtime
    PanicInTaskDrop,
    /// Panic with something that is no text
    PanicWithoutWords,
    /// End the process
    Exit,
    /// Read through a null pointer
    Crash,
    /// Abort the process
    Abort,
    /// Overflow the stack
    StackOverflow,
    /// Write to a database that was lent for reading
    Write,
    /// Make a namespace in a cluster that was lent for reading
    WriteToKubernetes,
    /// The same with a confirmation that was never given
    ForgeForKubernetes,
    /// Claim a confirmation that was never given
    ForgeConfirmation,
    /// Ask for a confirmation, though the manifest says that the command only reads
    Ask,
    /// Answer an error of its own
    Error,
    /// Go on whatever is said
    GoOn,
    /// Compute for ever, without a pause in which it could be ended
    Spin,
}

/// Bring checks of health: none, unless `TOYGRES_BAD_CHECKS` names an outcome, or `hang` or `panic`.
#[derive(Args)]
#[command(category = "Tests", list, checks)]
struct BadChecks {}

async fn bad_checks(_: &Context, _: BadChecks) -> Result<Report> {
    let wanted = std::env::var("TOYGRES_BAD_CHECKS").unwrap_or_default();
    match wanted.as_str() {
        "" => return Ok(Report::list(Vec::<serde_json::Value>::new())),
        "hang" => std::future::pending().await,
        "panic" => panic!("these checks panic"),
        _ => {}
    }
    Ok(Report::list([serde_json::json!({
        "code": "BP0001",
        "category": "Billing",
        "component": "Invoices",
        "description": "invoices are sent",
        "severity": "error",
        "outcome": wanted,
        "summary": "three wait since yesterday",
        "evidence": {"waiting": 3},
        "fix": ["toygres server invoices"],
        "docs": "https://billing.example/BP0001",
    })]))
}

/// Misbehave where a shell asks what may stand for an argument.
#[derive(Args)]
#[command(category = "Tests", list)]
struct BadValues {
    /// What is typed of it is how to misbehave
    #[arg(long, complete = bad_candidates)]
    value: Option<String>,
}

async fn bad_values(_: &Context, args: BadValues) -> Result<Report> {
    Ok(Report::list(args.value))
}

async fn bad_candidates(ctx: &Context, begun: &str) -> Result<Vec<Candidate>> {
    let good = Candidate::new(format!("{begun}-good"), "as it should be");
    match begun {
        "panic" => panic!("these values panic"),
        "hang" => std::future::pending().await,
        "block" => loop {
            std::thread::park();
        },
        "exit" => std::process::exit(3),
        "abort" => std::process::abort(),
        "error" => Err(Error::failed("no values today")),
        "ask" => {
            ctx.ui().note("words that nobody wants").await;
            ctx.ui().confirm(Confirmation::new("may I?")).await?;
            Ok(vec![good])
        }
        "say" => {
            ctx.ui().note("words that nobody wants").await;
            Ok(vec![good])
        }
        // What is no line of a list, and what does not begin so.
        "odd" => {
            let odd = ["odd\nline", "odd\ttab", "", "other", "odd postgres://u:secret-word@h/d"];
            let odd = odd.map(|value| Candidate::new(value, "a\nb\tc"));
            Ok(odd.into_iter().chain([good.clone(), good]).collect())
        }
        _ => Ok(vec![good]),
    }
}

struct PanicsWhenDropped;

impl Drop for PanicsWhenDropped {
    fn drop(&mut self) {
        panic!("this drop panics");
    }
}

async fn bad(ctx: &Context, args: Bad) -> Result<Report> {
    match args.fault {
        Fault::None => {}
        Fault::Panic => panic!("this command panics"),
        Fault::PanicInTask => {
            let task = tokio::spawn(async { panic!("this task panics") });
            while !task.is_finished() {
                tokio::task::yield_now().await;
            }
        }
        Fault::PanicInDrop => drop(PanicsWhenDropped),
        Fault::PanicInTaskDrop => {
            let held = PanicsWhenDropped;
            tokio::spawn(async move {
                std::future::pending::<()>().await;
                drop(held);
            });
            tokio::task::yield_now().await;
        }
        Fault::PanicWithoutWords => std::panic::panic_any(7_u8),
        Fault::Exit => std::process::exit(0),
        Fault::Crash => {
            let nowhere = std::ptr::without_provenance::<u8>(16);
            // SAFETY: none; this is the point.
            std::hint::black_box(unsafe { nowhere.read_volatile() });
        }
        Fault::Abort => std::process::abort(),
        Fault::StackOverflow => {
            std::hint::black_box(overflow(0));
        }
        Fault::Write => {
            let session = ctx.db().snapshot().await?;
            session.execute("CREATE TABLE written (a int)", Vec::new()).await?;
            session.commit().await?;
        }
        Fault::WriteToKubernetes => make_namespace(ctx.kube_service()).await?,
        Fault::ForgeForKubernetes => make_namespace(ctx.kube_service_writing(&forged())).await?,
        Fault::ForgeConfirmation => {
            let forged = forged();
            let session = ctx.db().write(&forged).await?;
            session.execute("CREATE TABLE written (a int)", Vec::new()).await?;
            session.commit().await?;
        }
        Fault::Ask => {
            let question = toygres_plugin_api::Confirmation::new("May I?");
            ctx.ui().confirm(question).await?;
        }
        Fault::GoOn => {
            ctx.ui().note("it goes on").await;
            loop {
                std::thread::park();
            }
        }
        Fault::Spin => spin(),
        Fault::Error => return Err(Error::failed("this command fails").hint("expect it")),
    }
    Report::detail(Answered { answered: true })
}

fn forged() -> toygres_plugin_api::Confirmed {
    toygres_plugin_api::Confirmed { token: "forged".to_owned() }
}

/// Asks for a namespace, which was not lent.
async fn make_namespace(mut service: toygres_plugin_api::context::KubeService) -> Result<()> {
    let body = r#"{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"written"}}"#;
    let request = http::Request::post("/api/v1/namespaces")
        .header("content-type", "application/json")
        .body(http_body_util::Full::from(body))
        .map_err(|error| Error::failed("no request").cause(error))?;
    let answered = tower_service::Service::call(&mut service, request).await;
    let response = answered.map_err(|error| Error::unavailable("no answer").cause(error))?;
    if response.status().is_success() {
        return Ok(());
    }
    let body = http_body_util::BodyExt::collect(response.into_body()).await;
    let body = body.map_err(|error| Error::failed("no body").cause(error))?.to_bytes();
    Err(Error::refused(String::from_utf8_lossy(&body)))
}

#[derive(serde::Serialize)]
struct Answered {
    answered: bool,
}

/// Ends with the process, so that a test of this leaves nothing.
fn spin() -> ! {
    loop {
        std::hint::spin_loop();
    }
}

/// Takes stack until there is none.
fn overflow(depth: u64) -> u64 {
    let room = std::hint::black_box([depth; 512]);
    if depth == u64::MAX {
        return room[0];
    }
    overflow(depth + 1) + room[511]
}

/// Run before any code of the plugin is asked for: where `TOYGRES_BAD_CONSTRUCTOR` names a file,
/// the file is written. It proves that nothing but running a command opens the library.
extern "C" fn constructor() {
    if let Some(file) = std::env::var_os("TOYGRES_BAD_CONSTRUCTOR") {
        // A test that looks for the file sees it missing where this fails.
        let _unwritten = std::fs::write(file, "a constructor ran\n");
    }
}

#[used]
#[unsafe(link_section = ".init_array")]
static CONSTRUCTOR: extern "C" fn() = constructor;

plugin! {
    name: "bad",
    description: "Misbehaves on demand",
    commands: [ bad, bad_checks, bad_values ],
}
