//! How a file is opened.

use crate::{fs::File, runtime::blocking};
use std::{fs, io, os::unix::fs::OpenOptionsExt, path::Path};

/// How a file is opened: [`std::fs::OpenOptions`]. Only [`open`](Self::open) parks.
///
/// [`std::os::unix::fs::OpenOptionsExt`] works with it (`mode`, `custom_flags`).
///
/// # Examples
/// ```
/// use gort::fs::OpenOptions;
/// let file = OpenOptions::new().read(true).open("Cargo.toml")?;
/// assert!(file.metadata()?.is_file());
/// # std::io::Result::Ok(())
/// ```
#[derive(Clone, Debug)]
pub struct OpenOptions {
    std: fs::OpenOptions,
}

impl OpenOptions {
    /// Nothing is allowed yet: [`std::fs::OpenOptions::new`].
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind::InvalidInput;
    /// let refused = gort::fs::OpenOptions::new().open("Cargo.toml").unwrap_err();
    /// assert_eq!(refused.kind(), InvalidInput); // neither to read nor to write
    /// ```
    #[must_use]
    #[allow(clippy::new_without_default, reason = "as std's")]
    pub fn new() -> Self {
        Self {
            std: fs::OpenOptions::new(),
        }
    }

    /// Whether it can be read: [`std::fs::OpenOptions::read`].
    ///
    /// # Examples
    /// ```
    /// let file = gort::fs::OpenOptions::new().read(true).open("Cargo.toml")?;
    /// assert!(std::io::read_to_string(file)?.contains("gort"));
    /// # std::io::Result::Ok(())
    /// ```
    pub fn read(&mut self, read: bool) -> &mut Self {
        self.std.read(read);
        self
    }

    /// Whether it can be written: [`std::fs::OpenOptions::write`].
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, OpenOptions};
    /// use std::io::Write;
    /// # let path = std::env::temp_dir().join(format!("gort-doc-ow-{}", std::process::id()));
    /// fs::write(&path, "abc")?;
    /// OpenOptions::new().write(true).open(&path)?.write_all(b"X")?;
    /// assert_eq!(fs::read(&path)?, b"Xbc");
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn write(&mut self, write: bool) -> &mut Self {
        self.std.write(write);
        self
    }

    /// Whether what is written goes to the end: [`std::fs::OpenOptions::append`].
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, OpenOptions};
    /// use std::io::Write;
    /// # let path = std::env::temp_dir().join(format!("gort-doc-oa-{}", std::process::id()));
    /// fs::write(&path, "abc")?;
    /// OpenOptions::new().append(true).open(&path)?.write_all(b"X")?;
    /// assert_eq!(fs::read(&path)?, b"abcX");
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn append(&mut self, append: bool) -> &mut Self {
        self.std.append(append);
        self
    }

    /// Whether what is in it is removed first: [`std::fs::OpenOptions::truncate`].
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, OpenOptions};
    /// # let path = std::env::temp_dir().join(format!("gort-doc-ot-{}", std::process::id()));
    /// fs::write(&path, "abc")?;
    /// let file = OpenOptions::new().write(true).truncate(true).open(&path)?;
    /// assert_eq!(file.metadata()?.len(), 0);
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn truncate(&mut self, truncate: bool) -> &mut Self {
        self.std.truncate(truncate);
        self
    }

    /// Whether it is made if it is not there: [`std::fs::OpenOptions::create`].
    ///
    /// # Examples
    /// ```
    /// use gort::fs::{self, OpenOptions};
    /// # let path = std::env::temp_dir().join(format!("gort-doc-oc-{}", std::process::id()));
    /// let file = OpenOptions::new().append(true).create(true).open(&path)?;
    /// assert!(fs::exists(&path)?);
    /// # fs::remove_file(&path)?;
    /// # std::io::Result::Ok(())
    /// ```
    pub fn create(&mut self, create: bool) -> &mut Self {
        self.std.create(create);
        self
    }

    /// Whether it is made, and must not have been there: [`std::fs::OpenOptions::create_new`].
    ///
    /// # Examples
    /// ```
    /// use gort::fs::OpenOptions;
    /// use std::io::ErrorKind::AlreadyExists;
    /// let taken = OpenOptions::new().write(true).create_new(true).open("Cargo.toml");
    /// assert_eq!(taken.unwrap_err().kind(), AlreadyExists);
    /// ```
    pub fn create_new(&mut self, create_new: bool) -> &mut Self {
        self.std.create_new(create_new);
        self
    }

    /// Opens the file: [`std::fs::OpenOptions::open`]. Parks.
    ///
    /// # Errors
    /// As `std`'s, by kind: `NotFound`, `PermissionDenied`, `AlreadyExists`, `InvalidInput` for
    /// options that make no sense together, and others.
    ///
    /// # Examples
    /// ```
    /// use std::io::ErrorKind::NotFound;
    /// let none = gort::fs::OpenOptions::new().read(true).open("no such file");
    /// assert_eq!(none.unwrap_err().kind(), NotFound);
    /// ```
    pub fn open<P: AsRef<Path>>(&self, path: P) -> io::Result<File> {
        let path = path.as_ref();
        blocking(|| self.std.open(path)).map(File::from)
    }
}

impl OpenOptionsExt for OpenOptions {
    fn mode(&mut self, mode: u32) -> &mut Self {
        self.std.mode(mode);
        self
    }

    fn custom_flags(&mut self, flags: i32) -> &mut Self {
        self.std.custom_flags(flags);
        self
    }
}

impl From<fs::OpenOptions> for OpenOptions {
    fn from(std: fs::OpenOptions) -> Self {
        Self { std }
    }
}
