//! What is up answers: a PostgreSQL, a daemon or a database that was paused is not called up.

use crate::home::{Home, database};
use crate::processes::{kill, lives, pid};
use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

fn signal(process: &Value, signal: Signal) {
    kill_process(Pid::from_raw(pid(process)).unwrap(), signal).unwrap();
}

#[test]
fn a_paused_postgresql_is_neither_up_nor_up_already() {
    let home = Home::new();
    let up = home.up();
    let postgres = &up["postgres"]["pid"];
    signal(postgres, Signal::STOP);
    let told = home.run(&["local", "status", "-o", "json"]);
    let shown = home.run(&["local", "status"]);
    let again = home.run(&["local", "up", "--timeout", "1s"]);
    signal(postgres, Signal::CONT);
    let told = told.code(3).json();
    assert_eq!(told["up"], false, "{told:#}");
    assert_eq!(told["postgres"]["answers"], false);
    assert_eq!(told["postgres"]["ready"], false);
    assert_eq!(told["postgres"]["pid"], *postgres);
    assert_eq!(told["kubernetes"]["answers"], true);
    let resume = format!("kill -CONT {postgres}");
    let shown = shown.code(3).shows("does not answer").says("the process is paused");
    assert!(format!("{shown:?}").contains(&resume), "{shown:#?}");
    let again = again.code(7);
    assert!(!again.stdout.contains("Up already"), "{again:#?}");
    again.says("does not answer").says(&resume);
    home.until("PostgreSQL to answer again", |status| (status["up"] == true).then_some(()));
    let again = home.run(&["local", "up", "-o", "json"]).code(0).json();
    assert_eq!(again["result"], "already_up");
    assert_eq!(again["postgres"]["pid"], *postgres);
}

#[test]
fn a_paused_daemon_is_neither_up_nor_up_already_and_goes_down() {
    let home = Home::new();
    let up = home.up();
    let daemon = &up["daemon"]["pid"];
    signal(daemon, Signal::STOP);
    let told = home.run(&["local", "status", "-o", "json"]);
    let again = home.run(&["local", "up", "--timeout", "1s"]);
    let told = told.code(3).json();
    assert_eq!(told["up"], false, "{told:#}");
    assert_eq!(told["kubernetes"]["answers"], false);
    assert_eq!(told["postgres"]["answers"], true);
    again.code(7).says("the daemon").says(&format!("kill -CONT {daemon}"));
    signal(daemon, Signal::CONT);
    assert_eq!(home.down().json()["killed"], false);
    assert!(!lives(pid(daemon)));
    home.up();
}

#[test]
fn what_is_brought_up_right_after_a_kill_is_up() {
    let home = Home::new();
    let up = home.up();
    let mut before = up["postgres"]["pid"].clone();
    for _ in 0..3 {
        kill(pid(&before));
        let again = home.run(&["local", "up", "-o", "json"]).code(0).json();
        assert_ne!(again["postgres"]["pid"], before);
        assert_eq!(again["postgres"]["ready"], true);
        crate::home::psql(&home.database_url(), "SELECT 1").unwrap();
        before = again["postgres"]["pid"].clone();
    }
}

#[test]
fn a_paused_database_is_not_ready() {
    let home = Home::new();
    home.up();
    home.apply(&database("mydb", "pass"));
    home.ready("mydb-0");
    let pod = home.status()["pods"][0]["pid"].clone();
    signal(&pod, Signal::STOP);
    let told = home.run(&["local", "status", "-o", "json"]);
    signal(&pod, Signal::CONT);
    let told = told.code(0).json();
    assert_eq!(told["pods"][0]["ready"], false, "{told:#}");
    assert_eq!(told["up"], true);
}
