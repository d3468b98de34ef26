//! Names: one live instance has each, whoever asks and however many at once.

use super::{begin, text};
use serde_json::json;
use std::thread;
use toygres_tests::control::{Deployment, Mode, Options};

#[test]
fn of_many_that_ask_for_one_name_at_once_one_gets_it() {
    let Some(deployment) = Deployment::new() else { return };
    let servers: Vec<_> = (0..2).map(|_| deployment.start(Options::mode(Mode::Api))).collect();
    let answers: Vec<_> = thread::scope(|scope| {
        let ask = |n: usize| {
            let api = servers[n % 2].api().unwrap();
            scope.spawn(move || api.post("/api/instances", &json!({"name": "onedb"})).unwrap())
        };
        let asking: Vec<_> = (0..16).map(ask).collect();
        asking.into_iter().map(|asked| asked.join().unwrap()).collect()
    });
    let (won, lost): (Vec<_>, Vec<_>) = answers.iter().partition(|answer| answer.status == 202);
    assert_eq!(won.len(), 1, "{answers:#?}");
    let winner = text(&won[0].body, "k8s_name");
    for answer in lost {
        assert_eq!(answer.status, 409, "{answer:#?}");
        let message = format!("the name `onedb` is taken by `{winner}`, which is creating");
        assert_eq!(text(&answer.body, "message"), message);
    }
    assert_eq!(deployment.count("SELECT count(*) FROM toygres_cms.instances"), 1);
    let secrets = deployment.objects().of(None).unwrap();
    assert_eq!(secrets, [format!("secrets/{winner}-credentials")]);
}

#[test]
fn a_dns_label_belongs_to_one_instance() {
    let Some(deployment) = Deployment::new() else { return };
    let suffix = "westus3.cloudapp.azure.com";
    let options = Options::mode(Mode::Api).env("TOYGRES_DNS_SUFFIX", suffix);
    let server = deployment.start(options);
    let api = server.api().unwrap();
    let first = api.create(&json!({"name": "firstdb", "dns_label": "shop"}));
    assert_eq!(text(&first, "dns_name"), format!("shop.{suffix}"));
    let second = api.post("/api/instances", &json!({"name": "seconddb", "dns_label": "shop"}));
    let second = second.unwrap();
    assert_eq!(second.status, 409);
    let message = text(&second.body, "message");
    assert!(message.starts_with("the DNS label `shop` is taken by `firstdb-"), "{message}");
}

#[test]
fn a_failed_instance_whose_name_was_given_away_can_be_deleted() {
    let Some(deployment) = Deployment::new() else { return };
    let broken = deployment.start(Options::fault("deploy-postgres:fail"));
    let failed = begin(&broken.api().unwrap(), "reborndb");
    deployment.reaches(&failed, "failed").unwrap();
    drop(broken);
    let server = deployment.start(Options::default());
    let api = server.api().unwrap();
    let second = begin(&api, "reborndb");
    deployment.reaches(&second, "running").unwrap();
    // By name it is the one that lives.
    assert_eq!(text(&api.get("/api/instances/reborndb").unwrap().body, "k8s_name"), second);
    let going = api.delete(&format!("/api/instances/{failed}")).unwrap();
    assert_eq!((going.status, &going.body["state"]), (202, &json!("failed")));
    deployment.reaches(&failed, "deleted").unwrap();
    assert_eq!(deployment.record(&second).unwrap()["state"], "running");
    let left = deployment.objects().of(None).unwrap();
    assert_eq!(left, toygres_tests::control::Objects::complete(&second));
}
