//! The options of `main` and `test`: parsed as a list of entries, each checked on its own, so that
//! every wrong one is reported at its own token.

use proc_macro2::{Group, Span, TokenStream};
use quote::quote;
use syn::{
    Error, Expr, ExprLit, Ident, Lit, Result, Token,
    ext::IdentExt,
    parse::{Parse, ParseStream, Parser},
    punctuated::Punctuated,
    token,
};

const KNOWN: &str =
    "`workers`, `homes`, `stack_size`, `max_blocking_threads`, `panic` or `deadlock`";
const MAX_WORKERS: usize = 1024;
const MAX_HOMES: usize = 65_536;
const MAX_BLOCKING_THREADS: usize = 65_536;

/// One entry of the list, not yet checked.
enum Entry {
    /// `name = value`.
    Set(Ident, Expr),
    /// `name`, or `name(...)`.
    Bare(Ident),
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        let name = Ident::parse_any(input)?;
        if input.parse::<Option<Token![=]>>()?.is_some() {
            return Ok(Self::Set(name, input.parse()?));
        }
        if input.peek(token::Paren) {
            input.parse::<Group>()?;
        }
        Ok(Self::Bare(name))
    }
}

/// The checked options: for each the tokens of its value, if it was given.
#[derive(Default)]
pub(crate) struct Options {
    workers: Option<TokenStream>,
    homes: Option<TokenStream>,
    stack_size: Option<TokenStream>,
    max_blocking_threads: Option<TokenStream>,
    panic: Option<TokenStream>,
    deadlock: Option<TokenStream>,
}

impl Options {
    /// Parses and checks the list between the attribute's parentheses.
    pub(crate) fn parse(tokens: TokenStream) -> Result<Self> {
        let entries = Punctuated::<Entry, Token![,]>::parse_terminated.parse2(tokens)?;
        let mut options = Self::default();
        let mut wrong: Option<Error> = None;
        for entry in &entries {
            if let Err(error) = options.take(entry) {
                match &mut wrong {
                    Some(all) => all.combine(error),
                    None => wrong = Some(error),
                }
            }
        }
        wrong.map_or(Ok(options), Err)
    }

    fn take(&mut self, entry: &Entry) -> Result<()> {
        let (name, value) = match entry {
            Entry::Set(name, value) => (name, ungrouped(value)),
            Entry::Bare(name) => return Err(needs_more(name)),
        };
        match name.to_string().as_str() {
            "workers" => fill(&mut self.workers, name, count(name, value, MAX_WORKERS)?),
            "homes" => fill(&mut self.homes, name, count(name, value, MAX_HOMES)?),
            "stack_size" => fill(&mut self.stack_size, name, stack_size(value)?),
            "max_blocking_threads" => {
                let n = count(name, value, MAX_BLOCKING_THREADS)?;
                fill(&mut self.max_blocking_threads, name, n)
            }
            "panic" => fill(&mut self.panic, name, panic(value)?),
            "deadlock" => fill(&mut self.deadlock, name, deadlock(value)?),
            _ => Err(unknown(name)),
        }
    }

    /// An expression of type `::gort::runtime::__private::Options`.
    pub(crate) fn expand(&self) -> TokenStream {
        let given = [
            ("workers", &self.workers),
            ("homes", &self.homes),
            ("stack_size", &self.stack_size),
            ("max_blocking_threads", &self.max_blocking_threads),
            ("panic", &self.panic),
            ("deadlock", &self.deadlock),
        ];
        let calls = given.into_iter().filter_map(|(name, value)| {
            let (name, value) = (Ident::new(name, Span::mixed_site()), value.as_ref()?);
            Some(quote!(.#name(#value)))
        });
        quote!(::gort::runtime::__private::Options::new() #(#calls)*)
    }
}

fn fill<T>(slot: &mut Option<T>, name: &Ident, value: T) -> Result<()> {
    match slot.replace(value) {
        None => Ok(()),
        Some(_) => Err(Error::new(name.span(), format!("`{name}` is set twice"))),
    }
}

fn unknown(name: &Ident) -> Error {
    Error::new(
        name.span(),
        format!("unknown option `{name}`: expected {KNOWN}"),
    )
}

/// A name alone, where `name = value` was expected.
fn needs_more(name: &Ident) -> Error {
    let example = match name.to_string().as_str() {
        "workers" => "workers = 4",
        "homes" => "homes = 32",
        "stack_size" => "stack_size = 1 << 20",
        "max_blocking_threads" => "max_blocking_threads = 64",
        "panic" => "panic = \"isolate\"",
        "deadlock" => "deadlock = \"exit\"",
        _ => return unknown(name),
    };
    Error::new(name.span(), format!("`{name}` needs a value: `{example}`"))
}

/// The expression without the invisible group that a surrounding `macro_rules!` puts about it.
fn ungrouped(mut value: &Expr) -> &Expr {
    while let Expr::Group(group) = value {
        value = &group.expr;
    }
    value
}

/// A number of things, from 1 to `most`.
fn count(name: &Ident, value: &Expr, most: usize) -> Result<TokenStream> {
    if let Expr::Lit(ExprLit {
        lit: Lit::Int(n), ..
    }) = value
        && matches!(n.suffix(), "" | "usize")
        && n.base10_parse()
            .is_ok_and(|n: usize| (1..=most).contains(&n))
    {
        return Ok(quote!(#n));
    }
    let text = format!("`{name}` is an integer from 1 to {most}");
    Err(Error::new_spanned(value, text))
}

/// Any constant expression: whether it is a `usize` is for the compiler to say.
fn stack_size(value: &Expr) -> Result<TokenStream> {
    if let Expr::Lit(ExprLit { lit, .. }) = value
        && !matches!(lit, Lit::Int(_))
    {
        let text = "`stack_size` is a number of bytes: an integer constant such as `1 << 20`";
        return Err(Error::new_spanned(value, text));
    }
    Ok(quote!(const { #value }))
}

fn panic(value: &Expr) -> Result<TokenStream> {
    match word(value).as_deref() {
        Some("isolate") => Ok(quote!(::gort::runtime::PanicPolicy::Isolate)),
        Some("exit") => Ok(quote!(::gort::runtime::PanicPolicy::Exit)),
        _ => Err(Error::new_spanned(
            value,
            "`panic` is \"isolate\" or \"exit\"",
        )),
    }
}

fn deadlock(value: &Expr) -> Result<TokenStream> {
    match word(value).as_deref() {
        Some("exit") => Ok(quote!(::gort::runtime::DeadlockPolicy::Exit)),
        Some("warn") => Ok(quote!(::gort::runtime::DeadlockPolicy::Warn)),
        Some("off") => Ok(quote!(::gort::runtime::DeadlockPolicy::Off)),
        _ => Err(Error::new_spanned(
            value,
            "`deadlock` is \"exit\", \"warn\" or \"off\"",
        )),
    }
}

/// The text of a string literal.
fn word(value: &Expr) -> Option<String> {
    match value {
        Expr::Lit(ExprLit {
            lit: Lit::Str(text),
            ..
        }) => Some(text.value()),
        _ => None,
    }
}
