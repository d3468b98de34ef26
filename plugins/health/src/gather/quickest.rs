//! How long a backend takes to answer.

use std::time::Instant;
use toygres_plugin_api::Result;

/// An answer within this many milliseconds is not asked for again.
const QUICK_MS: f64 = 200.0;
/// By then all of it is to be answered: a check's own deadline is not far.
const PATIENT_MS: f64 = 2000.0;

/// The quickest of up to three answers: the other checks run at the same time, and their load must
/// not be taken for the backend's. One that took so long that the next might come too late is an
/// answer all the same. `took_ms` is how long an answer took.
///
/// # Errors
/// When the first is none.
pub(super) async fn quickest<T>(
    ask: impl AsyncFn() -> Result<T>,
    took_ms: impl Fn(&T) -> f64,
) -> Result<T> {
    let begun = Instant::now();
    let mut best = ask().await?;
    for _ in 0..2 {
        let next = begun.elapsed().as_secs_f64() * 1000.0 + took_ms(&best);
        if took_ms(&best) < QUICK_MS || next > PATIENT_MS {
            break;
        }
        match ask().await {
            Ok(again) if took_ms(&again) < took_ms(&best) => best = again,
            _ => {}
        }
    }
    Ok(best)
}

#[cfg(test)]
mod tests {
    use super::quickest;
    use std::cell::Cell;
    use toygres_plugin_api::Error;

    async fn of(answers: &[Option<f64>]) -> (Option<f64>, usize) {
        let asked = Cell::new(0);
        let ask = async || {
            let answer = answers[asked.replace(asked.get() + 1)];
            answer.ok_or_else(|| Error::unavailable("gone"))
        };
        (quickest(ask, |took| *took).await.ok(), asked.get())
    }

    #[tokio::test]
    async fn a_slow_answer_is_asked_for_again_while_there_is_time() {
        assert_eq!(of(&[Some(3.0)]).await, (Some(3.0), 1));
        assert_eq!(of(&[Some(900.0), Some(20.0)]).await, (Some(20.0), 2));
        assert_eq!(of(&[Some(900.0), Some(950.0), Some(800.0)]).await, (Some(800.0), 3));
        assert_eq!(of(&[Some(2500.0)]).await, (Some(2500.0), 1));
        assert_eq!(of(&[None]).await, (None, 1));
        assert_eq!(of(&[Some(300.0), None, None]).await, (Some(300.0), 3));
    }
}
