//! One activity with its retries, and waiting for something by durable timers.

use crate::control::broken::{is_exhaustion, is_passing, reason};
use duroxide::{BackoffStrategy, OrchestrationContext, RetryPolicy};
use serde::Serialize;
use serde_json::Value;
use std::time::Duration;

/// How often anything is looked at before it is given up.
pub(super) const ATTEMPTS: u32 = 60;

/// Half a second, doubled each time: a minute in all, which outlasts a backend's restart.
fn policy() -> RetryPolicy {
    RetryPolicy::new(8).with_backoff(BackoffStrategy::Exponential {
        base: Duration::from_millis(500),
        multiplier: 2.0,
        max: Duration::from_secs(30),
    })
}

/// A second, doubled each time up to half a minute.
fn exhaustion_pause(failures: u32) -> Duration {
    let doubled = Duration::from_secs(1) * 2_u32.saturating_pow(failures.min(5));
    doubled.min(Duration::from_secs(30))
}

/// Runs an activity; again after a failure that may pass, and at once gives up after one that
/// lasts. Where the process that did it had no descriptor or memory left, nothing was tried, and
/// that counts as no attempt.
pub(super) async fn step(
    ctx: &OrchestrationContext,
    activity: &str,
    input: &impl Serialize,
) -> Result<Value, String> {
    let input = serde_json::to_string(input).map_err(|error| error.to_string())?;
    let policy = policy();
    let (mut attempt, mut exhaustions) = (1, 0);
    loop {
        let failure = match ctx.schedule_activity(activity, &input).await {
            Ok(answer) => return super::parse(&answer),
            Err(failure) => failure,
        };
        if is_exhaustion(&failure) {
            ctx.schedule_timer(exhaustion_pause(exhaustions)).await;
            exhaustions += 1;
            continue;
        }
        if !is_passing(&failure) || attempt >= policy.max_attempts {
            return Err(format!("{activity}: {}", reason(&failure)));
        }
        ctx.schedule_timer(policy.delay_for_attempt(attempt)).await;
        attempt += 1;
    }
}

/// Asks an activity until its answer has `true` at `key`, with a pause between two attempts.
pub(super) async fn until<T: Serialize>(
    ctx: &OrchestrationContext,
    activity: &str,
    key: &str,
    input: impl Fn(u32) -> T,
    pause: impl Fn(u32) -> Duration,
) -> Result<Value, String> {
    let mut last = Value::Null;
    for attempt in 1..=ATTEMPTS {
        let answer = step(ctx, activity, &input(attempt)).await?;
        if answer[key] == true {
            return Ok(answer);
        }
        last = answer;
        if attempt < ATTEMPTS {
            ctx.schedule_timer(pause(attempt)).await;
        }
    }
    Err(format!("{activity}: not done after {ATTEMPTS} attempts: {}", waits_for(&last)))
}

/// What an answer says that is still missing.
fn waits_for(answer: &Value) -> String {
    if let Some(what) = answer["waiting_for"].as_str() {
        return what.to_owned();
    }
    let rest = answer["still_there"].as_array().into_iter().flatten();
    let rest: Vec<&str> = rest.filter_map(Value::as_str).collect();
    if rest.is_empty() { "it goes on".to_owned() } else { format!("{} remain", rest.join(", ")) }
}

/// Short pauses first, since most things take a moment only, and then the usual ones.
pub(super) fn growing(usual: Duration) -> impl Fn(u32) -> Duration {
    move |attempt| {
        let doubled = Duration::from_millis(250) * 2_u32.saturating_pow(attempt.min(12) - 1);
        doubled.min(usual)
    }
}

#[cfg(test)]
mod tests {
    use super::{exhaustion_pause, growing, waits_for};
    use serde_json::json;
    use std::time::Duration;

    #[test]
    fn pauses_grow_to_the_usual_one() {
        let pause = growing(Duration::from_secs(30));
        assert_eq!(pause(1), Duration::from_millis(250));
        assert_eq!(pause(3), Duration::from_secs(1));
        assert_eq!(pause(60), Duration::from_secs(30));
        assert_eq!(growing(Duration::from_millis(100))(1), Duration::from_millis(100));
    }

    #[test]
    fn a_process_that_ran_out_of_something_is_given_time() {
        let pauses = [0, 1, 4, 5, 1000].map(|failures| exhaustion_pause(failures).as_secs());
        assert_eq!(pauses, [1, 2, 16, 30, 30]);
    }

    #[test]
    fn an_answer_says_what_is_missing() {
        assert_eq!(waits_for(&json!({"waiting_for": "a pod"})), "a pod");
        assert_eq!(waits_for(&json!({"still_there": ["pod a-0", "x"]})), "pod a-0, x remain");
        assert_eq!(waits_for(&json!({})), "it goes on");
    }
}
