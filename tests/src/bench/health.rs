//! `health` while a backend hangs: it takes connections and never says a word.

use super::Bench;
use super::laptop::Laptop;
use serde_json::Value;
use std::net::TcpListener;
use std::process::{Command, Stdio};
use std::time::Instant;
use toygres_tests::Result;
use toygres_tests::postgres::PrivatePostgres;

/// The checks that find their backend away.
const SERVER: &str = "TG0101";
const DATABASE: &str = "TG0401";
const KUBERNETES: &str = "TG0501";

pub(super) fn measure(bench: &Bench) -> Result {
    let laptop = Laptop::up(&[])?;
    laptop.start_server()?;
    let health = || {
        let mut command = bench.toygres(&laptop.url);
        command.env("TOYGRES_HOME", laptop.home().file(""));
        command.args(["server", "health", "-o", "json"]);
        command
    };
    timed(bench, "nothing hangs", &mut health(), None)?;

    let hung = PrivatePostgres::new()?;
    hung.pause()?;
    let mut command = health();
    command.env("DATABASE_URL", hung.url());
    let took = timed(bench, "the database hangs", &mut command, Some(DATABASE));
    hung.resume()?;
    took?;

    let silent = TcpListener::bind("127.0.0.1:0")?;
    let address = silent.local_addr()?;
    let mut command = health();
    command.env("TOYGRES_API_URL", format!("http://{address}"));
    timed(bench, "the server hangs", &mut command, Some(SERVER))?;

    let kubeconfig = laptop.home().folder().join("hung.kubeconfig");
    std::fs::write(&kubeconfig, elsewhere(&laptop.home().text("kubeconfig"), address.port())?)?;
    let mut command = health();
    command.env("KUBECONFIG", &kubeconfig);
    timed(bench, "Kubernetes hangs", &mut command, Some(KUBERNETES))?;
    println!();
    Ok(())
}

/// Times some runs, and sees to it that they find what hangs, and nothing else away.
fn timed(bench: &Bench, what: &str, command: &mut Command, hangs: Option<&str>) -> Result {
    let mut took = Vec::new();
    for _ in 0..bench.few() {
        let began = Instant::now();
        let output = command.stdin(Stdio::null()).output()?;
        took.push(began.elapsed().as_secs_f64());
        let said = String::from_utf8_lossy(&output.stderr);
        let answer: Value = serde_json::from_slice(&output.stdout).map_err(|error| {
            format!("`health` answers nothing ({}): {error}: {said}", output.status)
        })?;
        for code in [SERVER, DATABASE, KUBERNETES] {
            let wanted = if hangs == Some(code) { "failed" } else { "ok" };
            let found = outcome(&answer, code);
            if found != wanted {
                return Err(format!("{what}, and {code} is {found}, not {wanted}").into());
            }
        }
    }
    took.sort_by(f64::total_cmp);
    let (median, most) = (took[took.len() / 2], took[took.len() - 1]);
    let held = bench.aims.hold(format_args!("health, {what}"), most, 5.0, "s");
    println!("health, {what}: {median:.2} s, at most {most:.2} s  ({held})");
    Ok(())
}

fn outcome<'a>(answer: &'a Value, code: &str) -> &'a str {
    let rows = answer["checks"].as_array().map(Vec::as_slice).unwrap_or_default();
    let row = rows.iter().find(|row| row["code"] == code);
    row.and_then(|row| row["outcome"].as_str()).unwrap_or("not there")
}

/// The same kubeconfig with another port.
fn elsewhere(kubeconfig: &str, port: u16) -> Result<String> {
    let (_, rest) = kubeconfig.split_once("127.0.0.1:").ok_or("the kubeconfig has no address")?;
    let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
    Ok(kubeconfig.replace(&format!("127.0.0.1:{}", &rest[..digits]), &format!("127.0.0.1:{port}")))
}
