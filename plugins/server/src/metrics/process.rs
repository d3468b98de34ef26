//! The process, as the kernel sees it. What the kernel does not tell is left out.

use super::text::Text;
use std::fs;

pub(super) fn write(text: &mut Text) {
    let mut tell = |name: &str, kind: &str, help: &str, value: Option<f64>| {
        if let Some(value) = value {
            text.family(name, kind, help);
            text.sample(&[], value);
        }
    };
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let fields: Vec<&str> = stat
        .rsplit_once(')')
        .map(|(_, fields)| fields.split_ascii_whitespace().collect())
        .unwrap_or_default();
    // Numbered as in proc(5), which begins with the process's number and its name.
    let field = |number: usize| fields.get(number - 3)?.parse::<f64>().ok();
    let tick = rustix::param::clock_ticks_per_second() as f64;
    let cpu = field(14).zip(field(15)).map(|(user, system)| (user + system) / tick);
    tell("process_cpu_seconds_total", "counter", "Time on processors.", cpu);
    let began = field(22).zip(boot_time()).map(|(ticks, boot)| boot + ticks / tick);
    tell("process_start_time_seconds", "gauge", "When the process began, since 1970.", began);
    tell("process_threads", "gauge", "Threads.", field(20));
    let page = rustix::param::page_size() as f64;
    let memory = field(24).map(|pages| pages * page);
    tell("process_resident_memory_bytes", "gauge", "Memory that is held.", memory);
    tell("process_virtual_memory_bytes", "gauge", "Memory that is mapped.", field(23));
    let files = fs::read_dir("/proc/self/fd").ok().map(|files| files.count() as f64);
    tell("process_open_fds", "gauge", "Files that are open.", files);
}

/// Seconds since 1970.
fn boot_time() -> Option<f64> {
    let stat = fs::read_to_string("/proc/stat").ok()?;
    stat.lines().find_map(|line| line.strip_prefix("btime "))?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::{Text, write};

    #[test]
    fn the_kernel_tells_of_this_process() {
        let mut text = Text::default();
        write(&mut text);
        let text = text.done();
        let value = |name: &str| -> f64 {
            let line = text.lines().find(|line| line.starts_with(&format!("{name} "))).unwrap();
            line.split(' ').nth(1).unwrap().parse().unwrap()
        };
        let now = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
        let age = now.as_secs_f64() - value("process_start_time_seconds");
        assert!((-2.0..3600.0).contains(&age), "{age}");
        assert!(value("process_resident_memory_bytes") > 100_000.0);
        assert!(value("process_open_fds") >= 3.0 && value("process_threads") >= 1.0);
    }
}
