//! `/dev/shm`, which containers have little of.

use crate::home::Home;

#[test]
fn too_little_shared_memory_is_named_and_some_is_enough() {
    if !rustix::process::geteuid().is_root() {
        eprintln!("passed over: only root can mount another /dev/shm");
        return;
    }
    let home = Home::new();
    let up = ["local", "up", "--wait", "-o", "json"];
    let ran = home.run_with_shared_memory(1 << 20, &up);
    assert_ne!(ran.code, 0, "{ran:#?}");
    let hint = ran.error()["hint"].as_str().unwrap_or_default().to_owned();
    assert!(hint.contains("/dev/shm has 1024 KiB") && hint.contains("--shm-size"), "{ran:#?}");
    let enough = Home::new();
    let _up = enough.run_with_shared_memory(16 << 20, &up).code(0);
    enough.down();
}
