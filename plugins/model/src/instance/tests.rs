use super::{Health, NewInstance, State};

#[test]
fn words_are_the_same_both_ways() {
    for state in State::ALL {
        assert_eq!(state.word().parse(), Ok(*state));
        assert_eq!(serde_json::to_value(state).unwrap(), state.word());
    }
    for health in Health::ALL {
        assert_eq!(health.word().parse(), Ok(*health));
    }
    assert!("gone".parse::<State>().unwrap_err().contains("creating, running"));
}

#[test]
fn a_live_instance_holds_its_name() {
    let live: Vec<_> = State::ALL.iter().filter(|state| state.is_live()).collect();
    assert_eq!(live, [&State::Creating, &State::Running, &State::Deleting]);
}

#[test]
fn defaults_are_filled_in_and_unknown_fields_refused() {
    let wanted: NewInstance = serde_json::from_str(r#"{"name": "mydb"}"#).unwrap();
    assert_eq!(wanted, NewInstance::named("mydb"));
    assert_eq!((wanted.version(), wanted.storage_gb()), ("18", Ok(10)));
    assert!(wanted.load_balancer());
    assert_eq!(wanted.check(), Ok(()));
    let unknown = serde_json::from_str::<NewInstance>(r#"{"name": "mydb", "colour": "red"}"#);
    assert!(unknown.unwrap_err().to_string().contains("colour"));
}

#[test]
fn everything_is_checked_and_no_password_is_shown() {
    let wanted = |json: &str| serde_json::from_str::<NewInstance>(json).unwrap().check();
    for bad in [
        r#"{"name": "My"}"#,
        r#"{"name": "a", "password": ""}"#,
        r#"{"name": "a", "version": "9"}"#,
        r#"{"name": "a", "storage_gb": 0}"#,
        r#"{"name": "a", "dns_label": "x"}"#,
        r#"{"name": "a", "dns_label": "abc", "load_balancer": false}"#,
        r#"{"name": "a", "tags": {"": "x"}}"#,
    ] {
        assert!(wanted(bad).is_err(), "{bad}");
    }
    let secret = NewInstance { password: Some("canary".into()), ..NewInstance::named("a") };
    assert!(!format!("{secret:?}").contains("canary"));
}
