//! Who uses restartable sequences (rseq) in this process.
//!
//! Two questions, because neither answer is enough: who has registered the area that the kernel
//! watches, and does any loaded code contain sequences? The C library registers an area and has no
//! sequences; other code may bring sequences and use the C library's area.

use crate::runtime::switch::identity::facts::Registration;
use std::{
    ffi::{CStr, OsStr, c_int, c_void},
    fs::File,
    hint::black_box,
    io,
    os::unix::{ffi::OsStrExt, fs::FileExt},
    path::{Path, PathBuf},
    thread,
};

/// The section in which the sequences' descriptions are, whoever wrote them: debuggers look for
/// this name.
const SECTION: &[u8] = b"__rseq_cs";

/// Who has registered an area, as found on a thread that has just been started.
pub(crate) fn registration() -> Registration {
    if libc_has_registered() {
        return Registration::Libc;
    }
    // A thread without a thread to ask on: the trial will find that out too.
    let asked = thread::Builder::new()
        .name("gort-probe".to_owned())
        .spawn(is_registered);
    match asked.map(thread::JoinHandle::join) {
        // A static glibc cannot be asked by name.
        Ok(Ok(true)) if cfg!(all(target_env = "gnu", target_feature = "crt-static")) => {
            Registration::Libc
        }
        Ok(Ok(true)) => Registration::Foreign,
        _ => Registration::Nobody,
    }
}

/// Whether this is glibc 2.35 or newer, and has registered its area. (A tunable can keep it from
/// doing so.)
fn libc_has_registered() -> bool {
    // SAFETY: looks for a name that is never a function's.
    let size = unsafe { libc::dlsym(libc::RTLD_DEFAULT, c"__rseq_size".as_ptr()) };
    // SAFETY: glibc's documented variable, an unsigned int that is not changed after the start.
    !size.is_null() && unsafe { size.cast::<u32>().read() } > 0
}

/// Whether the calling thread has registered an area: tries to register another one. There can be
/// one only.
fn is_registered() -> bool {
    /// As the kernel wants it: 32 bytes, aligned to that.
    #[repr(C, align(32))]
    struct Area([u32; 8]);

    const UNREGISTER: c_int = 1;
    /// What abort handlers are marked with; there are none.
    const SIGNATURE: u32 = 0x6f72_7421;

    // An allocator that registers its threads does so when they first allocate.
    drop(black_box(vec![0_u8; 100]));
    let mut area = Area([0; 8]);
    let size = size_of::<Area>();
    // SAFETY: if the kernel takes the area, it writes there until the second call, and on this
    // thread only.
    let failed = unsafe {
        let taken = libc::syscall(libc::SYS_rseq, &raw mut area, size, 0, SIGNATURE);
        if taken == 0 {
            libc::syscall(libc::SYS_rseq, &raw mut area, size, UNREGISTER, SIGNATURE);
        }
        taken != 0
    };
    // The kernel's answer to a second area is EINVAL, to the same one again EBUSY. ENOSYS and, from
    // a filter of system calls, EPERM mean that nobody can register.
    let error = io::Error::last_os_error().raw_os_error();
    failed && matches!(error, Some(libc::EINVAL | libc::EBUSY))
}

/// The first loaded file, the executable included, that has restartable sequences in it. Files that
/// cannot be read or have no table of sections are taken to have none.
pub(crate) fn sequences_in() -> Option<PathBuf> {
    loaded_files()
        .into_iter()
        .find(|path| has_section(path, SECTION).unwrap_or(false))
}

/// Whether a file is loaded whose name contains this.
pub(crate) fn is_loaded(part: &str) -> bool {
    let contains = |path: &PathBuf| path.to_string_lossy().contains(part);
    loaded_files().iter().any(contains)
}

/// The executable and all shared objects, as the dynamic loader names them.
fn loaded_files() -> Vec<PathBuf> {
    unsafe extern "C" fn add(
        info: *mut libc::dl_phdr_info,
        _size: libc::size_t,
        files: *mut c_void,
    ) -> c_int {
        // SAFETY: the loader's information lives until this returns; `files` is the vector below.
        let (info, files) = unsafe { (&*info, &mut *files.cast::<Vec<PathBuf>>()) };
        if info.dlpi_name.is_null() {
            return 0;
        }
        // SAFETY: a name of the loader's, with a zero at its end.
        let name = unsafe { CStr::from_ptr(info.dlpi_name) }.to_bytes();
        // Those without a slash are no files: the executable has an empty name, and the kernel's
        // own code one without a folder.
        if name.contains(&b'/') {
            files.push(Path::new(OsStr::from_bytes(name)).to_owned());
        }
        0
    }
    let mut files = vec![PathBuf::from("/proc/self/exe")];
    // SAFETY: `add` gets the vector, which lives until the call returns, and does not unwind.
    unsafe { libc::dl_iterate_phdr(Some(add), (&raw mut files).cast()) };
    files
}

/// Whether the ELF file, of this machine's kind, has a section of this name.
fn has_section(path: &Path, wanted: &[u8]) -> io::Result<bool> {
    /// More sections, or longer names in all, than any file has: what says so is no table of
    /// sections.
    const MOST: u64 = 1 << 20;
    /// ELF, 64 bits, this machine's byte order.
    const MAGIC: [u8; 6] = [
        0x7f,
        b'E',
        b'L',
        b'F',
        2,
        if cfg!(target_endian = "little") { 1 } else { 2 },
    ];
    const HEADER: usize = 64;

    let file = File::open(path)?;
    let mut elf = [0; HEADER];
    file.read_exact_at(&mut elf, 0)?;
    let table = u64_at(&elf, 0x28);
    if elf[..MAGIC.len()] != MAGIC || table == 0 || usize::from(u16_at(&elf, 0x3a)) != HEADER {
        return Ok(false);
    }
    // Numbers that do not fit in are in the first section's header.
    let mut first = [0; HEADER];
    file.read_exact_at(&mut first, table)?;
    let sections = match u16_at(&elf, 0x3c) {
        0 => u64_at(&first, 0x20),
        number => u64::from(number),
    };
    let names_section = match u16_at(&elf, 0x3e) {
        0xffff => u32_at(&first, 0x28),
        number => u32::from(number),
    };
    if sections > MOST || u64::from(names_section) >= sections {
        return Ok(false);
    }
    let mut headers = vec![0; sections as usize * HEADER];
    file.read_exact_at(&mut headers, table)?;
    let names_header = &headers[names_section as usize * HEADER..][..HEADER];
    let length = u64_at(names_header, 0x20);
    if length > MOST {
        return Ok(false);
    }
    let mut names = vec![0; length as usize];
    file.read_exact_at(&mut names, u64_at(names_header, 0x18))?;
    Ok(headers.chunks_exact(HEADER).any(|header| {
        let name = names.get(u32_at(header, 0) as usize..).unwrap_or_default();
        name.split(|&byte| byte == 0).next() == Some(wanted)
    }))
}

fn u16_at(bytes: &[u8], at: usize) -> u16 {
    u16::from_ne_bytes([bytes[at], bytes[at + 1]])
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    u32::from_ne_bytes(std::array::from_fn(|n| bytes[at + n]))
}

fn u64_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_ne_bytes(std::array::from_fn(|n| bytes[at + n]))
}

#[cfg(test)]
#[path = "rseq/tests.rs"]
mod tests;
