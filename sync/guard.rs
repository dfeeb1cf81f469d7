//! What the guards of all locks have in common. How each reaches the value and unlocks, which is
//! where they differ, and the only unsafe part, stands with the lock.

/// For `$guard`, a struct with the fields `lock: &'a $lock<T>` and `_not_send`, where the lock has
/// a field `raw: $raw`: how it is made, and that it is shown as the value is.
macro_rules! impl_guard {
    ($guard:ident, $lock:ident, $raw:ident) => {
        impl<'a, T: ?Sized> $guard<'a, T> {
            /// For a lock that the caller has just locked, in the way that the guard stands for.
            #[inline]
            fn new(lock: &'a $lock<T>) -> Self {
                Self {
                    lock,
                    _not_send: ::std::marker::PhantomData,
                }
            }

            /// The lock under the guard, for `Cond`, which unlocks it and locks it again.
            pub(crate) fn raw(guard: &Self) -> &'a $raw {
                &guard.lock.raw
            }
        }

        impl<T: ?Sized + ::std::fmt::Debug> ::std::fmt::Debug for $guard<'_, T> {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                (**self).fmt(f)
            }
        }

        impl<T: ?Sized + ::std::fmt::Display> ::std::fmt::Display for $guard<'_, T> {
            fn fmt(&self, f: &mut ::std::fmt::Formatter<'_>) -> ::std::fmt::Result {
                (**self).fmt(f)
            }
        }
    };
}

/// How `Debug` shows a lock: with the value, or as locked where that cannot be read now.
pub(crate) fn debug_lock(
    f: &mut std::fmt::Formatter<'_>,
    name: &str,
    value: Option<&dyn std::fmt::Debug>,
) -> std::fmt::Result {
    let locked = format_args!("<locked>");
    let value = value.unwrap_or(&locked);
    f.debug_struct(name).field("value", value).finish()
}

pub(crate) use impl_guard;
