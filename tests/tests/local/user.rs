//! Whoever it is run by.

use crate::home::{Home, database, psql, url};
use crate::processes::{owner, pid};

#[test]
fn an_ordinary_user_needs_no_other_account() {
    let Some(home) = Home::of_nobody() else { return };
    home.up();
    home.apply(&database("mydb", "pass"));
    home.ready("mydb-0");
    psql(&url(&home, "mydb", "pass"), "SELECT 1").unwrap();
    let status = home.status();
    for part in [&status["daemon"], &status["postgres"], &status["pods"][0]] {
        assert_eq!(Some(owner(pid(&part["pid"]))), home.user());
    }
    home.down();
    home.up();
    psql(&url(&home, "mydb", "pass"), "SELECT 1").unwrap();
}

#[test]
fn root_runs_servers_as_another_account_even_where_that_cannot_look_into_the_home() {
    if !rustix::process::geteuid().is_root() {
        return;
    }
    let home = Home::closed();
    let up = home.up();
    home.apply(&database("mydb", "pass"));
    home.ready("mydb-0");
    psql(&url(&home, "mydb", "pass"), "SELECT 1").unwrap();
    let place = std::fs::read_link(home.path("local/postgres")).unwrap();
    assert!(place.starts_with("/var/lib/toygres"), "{}", place.display());
    assert_ne!(owner(pid(&up["postgres"]["pid"])), 0);
    assert_eq!(owner(pid(&up["daemon"]["pid"])), 0);
    home.down();
    home.up();
    psql(&url(&home, "mydb", "pass"), "SELECT 1").unwrap();
    home.run(&["local", "down", "--purge", "--force"]).code(0);
    assert!(!place.parent().unwrap().exists(), "{} stays", place.display());
}
