//! Sections are found in files as they are, and nowhere else.

use super::*;

#[test]
fn a_section_is_found_by_its_whole_name() {
    let this = Path::new("/proc/self/exe");
    assert!(has_section(this, b".text").unwrap());
    assert!(!has_section(this, b".tex").unwrap());
    assert!(!has_section(this, SECTION).unwrap());
}

#[test]
fn what_is_no_elf_file_has_no_sections() {
    let text = Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml"));
    assert!(!has_section(text, SECTION).unwrap());
    assert!(has_section(Path::new("/no/such/file"), SECTION).is_err());
    let empty = Path::new("/dev/null");
    assert!(has_section(empty, SECTION).is_err());
}

/// Says that it has sections, but has none, or impossible ones.
#[test]
fn a_broken_table_of_sections_is_no_table() {
    let path = std::env::temp_dir().join(format!("gort-rseq-{}", std::process::id()));
    let mut elf = std::fs::read("/proc/self/exe").unwrap();
    elf.truncate(64);
    std::fs::write(&path, &elf).unwrap();
    assert!(has_section(&path, b".text").is_err());
    // The table is at the file's beginning, and all sections' names are in the one numbered 0,
    // which is too long.
    elf[0x28..0x30].fill(0);
    elf[0x28] = 8;
    elf.resize(4096, 0xff);
    elf[0x3e..0x40].fill(0);
    std::fs::write(&path, &elf).unwrap();
    let found = has_section(&path, b".text");
    std::fs::remove_file(&path).unwrap();
    assert!(!found.unwrap_or(false));
}

#[test]
fn a_file_with_sequences_is_found() {
    // The smallest file that has the section: a header, two sections' headers, and the names.
    let mut elf = vec![0; 64 + 3 * 64];
    elf[..6].copy_from_slice(&[
        0x7f,
        b'E',
        b'L',
        b'F',
        2,
        1 + u8::from(cfg!(target_endian = "big")),
    ]);
    elf[0x28..0x30].copy_from_slice(&64_u64.to_ne_bytes());
    elf[0x3a..0x3c].copy_from_slice(&64_u16.to_ne_bytes());
    elf[0x3c..0x3e].copy_from_slice(&3_u16.to_ne_bytes());
    elf[0x3e..0x40].copy_from_slice(&1_u16.to_ne_bytes());
    let names = b"\0.shstrtab\0__rseq_cs\0";
    elf[128..132].copy_from_slice(&1_u32.to_ne_bytes());
    elf[128 + 0x18..128 + 0x20].copy_from_slice(&256_u64.to_ne_bytes());
    elf[128 + 0x20..128 + 0x28].copy_from_slice(&(names.len() as u64).to_ne_bytes());
    elf[192..196].copy_from_slice(&11_u32.to_ne_bytes());
    elf.extend_from_slice(names);
    let path = std::env::temp_dir().join(format!("gort-rseq-found-{}", std::process::id()));
    std::fs::write(&path, &elf).unwrap();
    let (whole, part) = (has_section(&path, SECTION), has_section(&path, b"__rseq"));
    std::fs::remove_file(&path).unwrap();
    assert!(whole.unwrap());
    assert!(!part.unwrap());
}

#[test]
fn the_executable_and_the_c_library_are_among_the_loaded_files() {
    let files = loaded_files();
    assert_eq!(files[0], Path::new("/proc/self/exe"));
    let mut expected = files.iter().map(|path| path.display().to_string());
    // Static executables have one file.
    assert!(
        expected.any(|path| path.contains("libc")) || cfg!(target_feature = "crt-static"),
        "{files:?}"
    );
}

#[test]
fn this_process_has_no_sequences() {
    assert_eq!(sequences_in(), None);
}

/// Registers an area as foreign code would; or finds that the kernel cannot, or that the C library
/// has been first.
#[test]
fn a_registration_on_this_thread_is_noticed() {
    #[repr(C, align(32))]
    struct Area([u32; 8]);
    let mut area = Area([0; 8]);
    let asked = thread::spawn(move || {
        let before = is_registered();
        let rseq = |flags: c_int| {
            // SAFETY: the area lives until it is unregistered below, on this thread.
            unsafe { libc::syscall(libc::SYS_rseq, &raw mut area, 32_usize, flags, 7_u32) }
        };
        let mut rseq = rseq;
        if rseq(0) != 0 {
            return (before, before);
        }
        let during = is_registered();
        assert_eq!(rseq(1), 0);
        assert!(!is_registered());
        (before, during)
    });
    let (before, during) = asked.join().unwrap();
    if libc_has_registered() {
        assert!(before && during);
        assert_eq!(registration(), Registration::Libc);
    } else {
        assert!(!before);
    }
}
