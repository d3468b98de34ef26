//! Drift that is known and let pass.

use crate::plane::{Plane, said};
use serde_json::json;

#[test]
fn rules_let_pass_what_they_name_and_say_so() {
    let Some(mut plane) = Plane::new() else { return };
    let name = plane.instance("known");
    plane.stop_server();
    plane.sql("UPDATE instances SET storage_size_gb = 99, external_ip = '10.1.1.1'");
    let ignore = |rule: &str| {
        plane.run(&["drift", "-o", "json", "--ignore", rule, "--ignore", "mismatch:zzz/*"])
    };
    let one = ignore("mismatch:known/storage_bytes because the claim grows tonight").code(1).json();
    assert_eq!(said(&one["drifts"][0]), "mismatch:external_ip");
    assert_eq!(one["ignored"][0]["reason"], "the claim grows tonight");
    assert_eq!(one["ignored"][0]["k8s_name"], name.as_str());
    let all = ignore("*:known-*").code(0).json();
    assert_eq!((all["drifts"].clone(), all["ignored"].as_array().unwrap().len()), (json!([]), 2));
    let expired = ignore("*:known-* until 2020-01-31").code(1);
    assert_eq!(expired.json()["expired_rules"][0]["until"], "2020-01-31");
    expired.says("expired on 2020-01-31");
    let wrong = ignore("gone:known").code(2).error();
    assert!(wrong["hint"].as_str().unwrap().contains("KIND:NAME/FIELD"), "{wrong}");
}

#[test]
fn rules_of_the_configuration_need_a_reason() {
    let Some(mut plane) = Plane::new() else { return };
    plane.instance("known");
    plane.stop_server();
    plane.sql("UPDATE instances SET storage_size_gb = 99");
    let with = |rules: &str| {
        let file = format!("[drift]\nignore = {rules}\n");
        let toygres = plane.toygres().file("toygres/config.toml", file);
        toygres.args(["server", "drift"]).run()
    };
    let reason =
        with(r#"["*:known/storage_bytes until 2099-12-31 because it is \"known\""]"#).code(0);
    reason.shows("1 difference ignored by rule");
    let none = with(r#"["*:known/storage_bytes"]"#).code(2);
    none.says("has no reason");
}
