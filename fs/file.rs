//! An open file. What it reads and writes with is in `file_io`.

use crate::{
    fs::{
        OpenOptions, TryLockError,
        file_lock::{Ask, flock, try_flock},
    },
    runtime::blocking,
};
use std::{
    fmt,
    fs::{self, FileTimes, Metadata, Permissions},
    io,
    path::Path,
    time::SystemTime,
};

/// An open file: [`std::fs::File`].
///
/// [`Read`](io::Read), [`Write`](io::Write) and [`Seek`](io::Seek) are there for `File` and
/// `&File`, [`std::os::unix::fs::FileExt`] for `File` (`read_at`, `write_at`); they park. It comes
/// from and goes into a `std::fs::File` or a descriptor. Dropping it closes the file, in place: on
/// a file system where that may take long, drop it in [`blocking`]. For an `Arc<File>`, read and
/// write through `&*file`.
///
/// # Examples
/// ```
/// use gort::{fs::File, go};
/// use std::io::{BufRead, BufReader};
///
/// let first = go!(|| {
///     let file = BufReader::with_capacity(64 * 1024, File::open("Cargo.toml")?);
///     file.lines().next().unwrap() // parks once for 64 KiB
/// });
/// assert_eq!(first.join().unwrap()?, "[package]");
/// # std::io::Result::Ok(())
/// ```
pub struct File {
    pub(crate) std: fs::File,
}

impl fmt::Debug for File {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.std.fmt(f)
    }
}

impl File {
    /// Opens a file to read: [`std::fs::File::open`]. Parks; for a named pipe, until somebody opens
    /// it to write.
    ///
    /// # Errors
    /// As `std`'s: there is no such file, it must not be read, or too many are open.
    ///
    /// # Examples
    /// ```
    /// let file = gort::fs::File::open("Cargo.toml")?;
    /// assert!(std::io::read_to_string(file)?.contains("gort"));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn open<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        OpenOptions::new().read(true).open(path)
    }

    /// Opens a file to write, which is made if it is not there, and else emptied:
    /// [`std::fs::File::create`]. Parks.
    ///
    /// # Errors
    /// As `std`'s: it must not be written, its folder is not there, or too many files are open.
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, File};
    /// use std::io::Write;
    /// # let path = std::env::temp_dir().join(format!("gort-doc-create-f-{}", std::process::id()));
    /// writeln!(File::create(&path)?, "{} + {}", 1, 2)?;
    /// assert_eq!(fs::read_to_string(&path)?, "1 + 2\n");
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn create<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.write(true).create(true).truncate(true).open(path)
    }

    /// Makes a file that must not be there yet, to read and write:
    /// [`std::fs::File::create_new`]. Parks.
    ///
    /// # Errors
    /// As `std`'s: the name is taken, or as for [`create`](Self::create).
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind::AlreadyExists;
    /// let taken = gort::fs::File::create_new("Cargo.toml");
    /// assert_eq!(taken.unwrap_err().kind(), AlreadyExists);
    /// ```
    pub fn create_new<P: AsRef<Path>>(path: P) -> io::Result<Self> {
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).open(path)
    }

    /// As [`OpenOptions::new`]: [`std::fs::File::options`].
    ///
    /// # Examples
    /// ```
    /// let file = gort::fs::File::options().read(true).open("Cargo.toml")?;
    /// # std::io::Result::Ok(())
    /// ```
    #[must_use]
    pub fn options() -> OpenOptions {
        OpenOptions::new()
    }

    /// Returns when all that was written is on the disk: [`std::fs::File::sync_all`]. Parks.
    ///
    /// # Errors
    /// As `std`'s: the disk failed.
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, File};
    /// use std::io::Write;
    /// # let path = std::env::temp_dir().join(format!("gort-doc-sync-{}", std::process::id()));
    /// let mut file = File::create(&path)?;
    /// file.write_all(b"to stay")?;
    /// file.sync_all()?;
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    #[doc(alias = "Sync")]
    pub fn sync_all(&self) -> io::Result<()> {
        blocking(|| self.std.sync_all())
    }

    /// As [`sync_all`](Self::sync_all), but for its times: [`std::fs::File::sync_data`]. Parks.
    ///
    /// # Errors
    /// As `std`'s: the disk failed.
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, File};
    /// # let path = std::env::temp_dir().join(format!("gort-doc-syncd-{}", std::process::id()));
    /// File::create(&path)?.sync_data()?;
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn sync_data(&self) -> io::Result<()> {
        blocking(|| self.std.sync_data())
    }

    /// Takes the file's lock for itself alone: `std::fs::File::lock`. Parks until all others have
    /// released theirs, and takes a thread for blocking calls meanwhile.
    ///
    /// The lock belongs to the open file, and is released by [`unlock`](Self::unlock) or when the
    /// last clone is dropped. Only those who ask for it are kept out.
    ///
    /// # Errors
    /// As `std`'s: the file system has no locks.
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, File};
    /// # let path = std::env::temp_dir().join(format!("gort-doc-lock-{}", std::process::id()));
    /// let (file, other) = (File::create(&path)?, File::open(&path)?);
    /// file.lock()?;
    /// assert!(other.try_lock().is_err());
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn lock(&self) -> io::Result<()> {
        blocking(|| flock(&self.std, Ask::Exclusive))
    }

    /// Takes the file's lock together with others who do the same: `std::fs::File::lock_shared`.
    /// Parks as [`lock`](Self::lock) does.
    ///
    /// # Errors
    /// As `std`'s: the file system has no locks.
    ///
    /// # Examples
    /// ```
    /// use gort::fs::File;
    /// let (one, two) = (File::open("Cargo.toml")?, File::open("Cargo.toml")?);
    /// one.lock_shared()?;
    /// two.lock_shared()?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn lock_shared(&self) -> io::Result<()> {
        blocking(|| flock(&self.std, Ask::Shared))
    }

    /// As [`lock`](Self::lock), but fails instead of waiting: `std::fs::File::try_lock`. Parks for
    /// the call.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if somebody has it, else as for [`lock`](Self::lock).
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, File, TryLockError};
    /// # let path = std::env::temp_dir().join(format!("gort-doc-trylock-{}", std::process::id()));
    /// let (file, other) = (File::create(&path)?, File::open(&path)?);
    /// assert!(file.try_lock().is_ok());
    /// assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn try_lock(&self) -> Result<(), TryLockError> {
        blocking(|| try_flock(&self.std, Ask::Exclusive))
    }

    /// As [`lock_shared`](Self::lock_shared), but fails instead of waiting:
    /// `std::fs::File::try_lock_shared`. Parks for the call.
    ///
    /// # Errors
    /// [`TryLockError::WouldBlock`] if somebody has it alone, else as for [`lock`](Self::lock).
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, File};
    /// # let path = std::env::temp_dir().join(format!("gort-doc-trysh-{}", std::process::id()));
    /// let (file, other) = (File::create(&path)?, File::open(&path)?);
    /// file.lock()?;
    /// assert!(other.try_lock_shared().is_err());
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn try_lock_shared(&self) -> Result<(), TryLockError> {
        blocking(|| try_flock(&self.std, Ask::Shared))
    }

    /// Releases the file's lock, of either kind: `std::fs::File::unlock`. Parks for the call.
    ///
    /// # Errors
    /// As `std`'s.
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, File};
    /// # let path = std::env::temp_dir().join(format!("gort-doc-unlock-{}", std::process::id()));
    /// let (file, other) = (File::create(&path)?, File::open(&path)?);
    /// file.lock()?;
    /// file.unlock()?;
    /// assert!(other.try_lock().is_ok());
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn unlock(&self) -> io::Result<()> {
        blocking(|| flock(&self.std, Ask::Unlock))
    }

    /// Cuts the file off after `size` bytes, or fills it up with zeroes:
    /// [`std::fs::File::set_len`]. Parks.
    ///
    /// # Errors
    /// As `std`'s: it is not open to write, or `size` is too large.
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, File};
    /// # let path = std::env::temp_dir().join(format!("gort-doc-setlen-{}", std::process::id()));
    /// File::create(&path)?.set_len(3)?;
    /// assert_eq!(fs::read(&path)?, [0, 0, 0]);
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    #[doc(alias = "Truncate")]
    pub fn set_len(&self, size: u64) -> io::Result<()> {
        blocking(|| self.std.set_len(size))
    }

    /// Size, kind, permissions and times: [`std::fs::File::metadata`]. Parks.
    ///
    /// # Errors
    /// As `std`'s.
    ///
    /// # Examples
    /// ```
    /// assert!(gort::fs::File::open("Cargo.toml")?.metadata()?.len() > 100);
    /// # std::io::Result::Ok(())
    /// ```
    #[doc(alias = "Stat")]
    pub fn metadata(&self) -> io::Result<Metadata> {
        blocking(|| self.std.metadata())
    }

    /// The same open file once more, with the same position and lock:
    /// [`std::fs::File::try_clone`]. Does not park.
    ///
    /// # Errors
    /// As `std`'s: too many files are open.
    ///
    /// # Examples
    /// ```
    /// use gort::fs::File;
    /// use std::io::{Read, Seek};
    /// let mut file = File::open("Cargo.toml")?;
    /// let mut clone = file.try_clone()?;
    /// clone.read_exact(&mut [0; 5])?;
    /// assert_eq!(file.stream_position()?, 5);
    /// # std::io::Result::Ok(())
    /// ```
    pub fn try_clone(&self) -> io::Result<Self> {
        self.std.try_clone().map(Self::from)
    }

    /// Sets who may do what: [`std::fs::File::set_permissions`]. Parks.
    ///
    /// # Errors
    /// As `std`'s: it belongs to another user.
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, File};
    /// # let path = std::env::temp_dir().join(format!("gort-doc-fchmod-{}", std::process::id()));
    /// let file = File::create(&path)?;
    /// let mut permissions = file.metadata()?.permissions();
    /// permissions.set_readonly(true);
    /// file.set_permissions(permissions)?;
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    #[doc(alias = "Chmod")]
    pub fn set_permissions(&self, perm: Permissions) -> io::Result<()> {
        blocking(|| self.std.set_permissions(perm))
    }

    /// Sets when it was read and changed: [`std::fs::File::set_times`]. Parks.
    ///
    /// # Errors
    /// As `std`'s: it belongs to another user.
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, File, FileTimes};
    /// use std::time::SystemTime;
    /// # let path = std::env::temp_dir().join(format!("gort-doc-times-{}", std::process::id()));
    /// let file = File::create(&path)?;
    /// file.set_times(FileTimes::new().set_accessed(SystemTime::UNIX_EPOCH))?;
    /// assert_eq!(file.metadata()?.accessed()?, SystemTime::UNIX_EPOCH);
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    #[doc(alias = "Chtimes")]
    pub fn set_times(&self, times: FileTimes) -> io::Result<()> {
        blocking(|| self.std.set_times(times))
    }

    /// Sets when it was changed: [`std::fs::File::set_modified`]. Parks.
    ///
    /// # Errors
    /// As `std`'s: it belongs to another user.
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, File};
    /// use std::time::SystemTime;
    /// # let path = std::env::temp_dir().join(format!("gort-doc-mtime-{}", std::process::id()));
    /// let file = File::create(&path)?;
    /// file.set_modified(SystemTime::UNIX_EPOCH)?;
    /// assert_eq!(file.metadata()?.modified()?, SystemTime::UNIX_EPOCH);
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn set_modified(&self, time: SystemTime) -> io::Result<()> {
        blocking(|| self.std.set_modified(time))
    }
}
