//! The steps of an orchestration: one line for each, however often it was tried.

use crate::instance::Step;
use toygres_model::time;
use toygres_plugin_api::report::{Block, Step as Line, Tone};

/// The steps in the order in which they first began. A step that was tried again is one line that
/// tells the last try. `state` is the instance's: what a failed one waited for, it waits for no more.
pub(crate) fn block(steps: &[Step], state: &str, now: i64) -> Block {
    let mut tries: Vec<(&Step, usize)> = Vec::new();
    for step in steps {
        match tries.iter_mut().find(|(known, _)| known.step == step.step) {
            Some(known) => *known = (step, known.1 + 1),
            None => tries.push((step, 1)),
        }
    }
    Block::steps(tries.into_iter().map(|(last, times)| {
        let tone = if state == "failed" && last.state == "waiting" {
            Tone::Bad
        } else {
            tone(&last.state)
        };
        line(last, times, tone, now)
    }))
}

fn line(last: &Step, times: usize, tone: Tone, now: i64) -> Line {
    let mut said = Vec::new();
    if let Some(ms) = last.duration_ms.or_else(|| last.so_far(now)) {
        said.push(time::words(ms));
    }
    if times > 1 {
        said.push(format!("{times} times"));
    }
    let mut said = said.join(", ");
    if let Some(message) = last.message.as_deref().filter(|message| !message.is_empty()) {
        let gap = if said.is_empty() { "" } else { ": " };
        said.push_str(&format!("{gap}{message}"));
    }
    Line {
        tone,
        label: last.step.clone(),
        detail: Some(said).filter(|said| !said.is_empty()),
        lines: Vec::new(),
    }
}

fn tone(state: &str) -> Tone {
    match state {
        "completed" => Tone::Good,
        "failed" => Tone::Bad,
        "running" | "waiting" => Tone::Active,
        _ => Tone::Muted,
    }
}

/// The command that shows what the step under way waits for.
pub(crate) fn look(steps: &[Step]) -> Option<&str> {
    let last = steps.iter().rev().find(|step| step.ended_at.is_none()).or(steps.last())?;
    last.look.as_deref()
}

/// The step that is under way, in one sentence: what a command that waits waits for.
pub(crate) fn under_way(steps: &[Step], now: i64) -> Option<String> {
    let last = steps.iter().rev().find(|step| step.ended_at.is_none()).or(steps.last())?;
    let times = steps.iter().filter(|step| step.step == last.step).count();
    let again = if times > 1 { format!(" ({times} times)") } else { String::new() };
    let mut said = match (last.ended_at.is_none(), last.so_far(now)) {
        (true, Some(ms)) => {
            format!("`{}`{again} has been {} for {}", last.step, last.state, time::words(ms))
        }
        _ => format!("`{}`{again} is {}", last.step, last.state),
    };
    if let Some(message) = last.message.as_deref().filter(|message| !message.is_empty()) {
        said.push_str(&format!(": {message}"));
    }
    Some(said)
}

#[cfg(test)]
mod tests {
    use super::{block, under_way};
    use crate::instance::Step;
    use toygres_plugin_api::report::{Block, Tone};

    fn step(name: &str, state: &str, ended: Option<&str>, message: Option<&str>) -> Step {
        Step {
            step: name.to_owned(),
            state: state.to_owned(),
            started_at: Some("1970-01-01T00:00:00Z".to_owned()),
            ended_at: ended.map(str::to_owned),
            message: message.map(str::to_owned),
            duration_ms: None,
            look: None,
        }
        .completed()
    }

    #[test]
    fn tries_of_one_step_are_one_line_that_tells_the_last() {
        let second = Some("1970-01-01T00:00:01Z");
        let steps = [
            step("deploy-postgres", "completed", second, None),
            step("wait-for-ready", "completed", second, Some("not ready")),
            step("wait-for-ready", "running", None, Some("the pod is pending")),
        ];
        let Block::Steps { steps: lines } = block(&steps, "creating", 5000) else {
            panic!("no steps")
        };
        let told: Vec<_> =
            lines.iter().map(|line| (line.tone, line.detail.as_deref().unwrap())).collect();
        let last = (Tone::Active, "5s, 2 times: the pod is pending");
        assert_eq!(told, [(Tone::Good, "1s"), last]);
        let waits = [step("wait-for-ready", "waiting", second, Some("the image is missing"))];
        let Block::Steps { steps: lines } = block(&waits, "failed", 5000) else {
            panic!("no steps")
        };
        assert_eq!(lines[0].tone, Tone::Bad);
        assert_eq!(
            under_way(&steps, 5000).unwrap(),
            "`wait-for-ready` (2 times) has been running for 5s: the pod is pending"
        );
        assert_eq!(under_way(&steps[..1], 0).unwrap(), "`deploy-postgres` is completed");
        assert_eq!(under_way(&[], 0), None);
    }
}
