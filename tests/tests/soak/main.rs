//! A control plane under attack for a minute; `cargo xtask soak` does the same for half an hour.

use toygres_tests::soak::SoakPlan;

#[test]
fn a_minute_of_attacks_harms_nobody() {
    let report = SoakPlan::short().run().unwrap();
    eprintln!("{report}");
    assert!(report.failures.is_empty(), "{report}");
    assert!(report.created > 0 && report.reached > 0 && report.kills == 2, "{report}");
    assert!(report.connections > 400 && report.queries > 0 && report.probes > 100, "{report}");
}
