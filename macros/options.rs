//! The options of `main` and `test`: parsed as a list of entries, each checked on its own, so that every wrong one is reported
//! at its own token.

use proc_macro2::{Span, TokenStream};
use quote::{quote, quote_spanned};
use syn::{
    Error, Expr, ExprLit, Ident, Lit, Result, Token,
    ext::IdentExt,
    parenthesized,
    parse::{Parse, ParseStream, Parser},
    punctuated::Punctuated,
    token,
};

const KNOWN: &str = "`workers`, `stack_size`, `panic`, `deadlock` or `unsafe(migrate)`";
const MAX_WORKERS: usize = 1024;

/// One entry of the list, not yet checked.
enum Entry {
    /// `name = value`.
    Set(Ident, Expr),
    /// `name`.
    Bare(Ident),
    /// `unsafe(name)`.
    Unsafe(Token![unsafe], Ident),
}

impl Parse for Entry {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.peek(Token![unsafe]) {
            let keyword: Token![unsafe] = input.parse()?;
            if !input.peek(token::Paren) {
                return Err(Error::new(keyword.span, "expected `unsafe(migrate)`"));
            }
            let inside;
            parenthesized!(inside in input);
            let name = Ident::parse_any(&inside)?;
            if !inside.is_empty() {
                return Err(inside.error("expected `)`: `unsafe(migrate)`"));
            }
            return Ok(Self::Unsafe(keyword, name));
        }
        let name = Ident::parse_any(input)?;
        if input.parse::<Option<Token![=]>>()?.is_some() {
            Ok(Self::Set(name, input.parse()?))
        } else {
            Ok(Self::Bare(name))
        }
    }
}

/// The checked options: for each the tokens of its value, if it was given.
#[derive(Default)]
pub(crate) struct Options {
    workers: Option<TokenStream>,
    stack_size: Option<TokenStream>,
    panic: Option<TokenStream>,
    deadlock: Option<TokenStream>,
    migrate: Option<Token![unsafe]>,
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
            Entry::Unsafe(keyword, name) if name == "migrate" => {
                return fill(&mut self.migrate, name, *keyword);
            }
            Entry::Unsafe(_, name) => {
                let text = format!("unknown option `unsafe({name})`: expected `unsafe(migrate)`");
                return Err(Error::new(name.span(), text));
            }
        };
        match name.to_string().as_str() {
            "workers" => fill(&mut self.workers, name, workers(value)?),
            "stack_size" => fill(&mut self.stack_size, name, stack_size(value)?),
            "panic" => fill(&mut self.panic, name, panic(value)?),
            "deadlock" => fill(&mut self.deadlock, name, deadlock(value)?),
            "migrate" => Err(migrate_is_unsafe(name.span())),
            _ => Err(unknown(name)),
        }
    }

    /// An expression of type `::gort::runtime::__private::Options`.
    pub(crate) fn expand(&self) -> TokenStream {
        let [workers, stack_size, panic, deadlock] =
            [&self.workers, &self.stack_size, &self.panic, &self.deadlock].map(option);
        let options = quote! {
            ::gort::runtime::__private::Options {
                workers: #workers,
                stack_size: #stack_size,
                panic: #panic,
                deadlock: #deadlock,
                migrate: false,
            }
        };
        let Some(keyword) = self.migrate else {
            return options;
        };
        // The values are bound outside: the user's expression for the stack size must not stand in the `unsafe` block. The block has the
        // span of the user's `unsafe`, so that `#![forbid(unsafe_code)]` forbids it; clippy sees
        // no comment above an attribute, hence the `allow`.
        let name = Ident::new("options", Span::mixed_site());
        let block = quote_spanned!(keyword.span=> {
            ::gort::runtime::__private::Options::allow_migration(#name)
        });
        quote! {{
            let #name = #options;
            #[allow(clippy::undocumented_unsafe_blocks)]
            let #name = #keyword #block;
            #name
        }}
    }
}

fn option(value: &Option<TokenStream>) -> TokenStream {
    match value {
        Some(value) => quote!(::core::option::Option::Some(#value)),
        None => quote!(::core::option::Option::None),
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

fn migrate_is_unsafe(span: Span) -> Error {
    Error::new(
        span,
        "letting started goroutines change threads is unsafe: write `unsafe(migrate)`",
    )
}

/// A name alone, where `name = value` was expected.
fn needs_more(name: &Ident) -> Error {
    let example = match name.to_string().as_str() {
        "workers" => "workers = 4",
        "stack_size" => "stack_size = 1 << 20",
        "panic" => "panic = \"isolate\"",
        "deadlock" => "deadlock = \"exit\"",
        "migrate" => return migrate_is_unsafe(name.span()),
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

fn workers(value: &Expr) -> Result<TokenStream> {
    if let Expr::Lit(ExprLit {
        lit: Lit::Int(n), ..
    }) = value
        && matches!(n.suffix(), "" | "usize")
        && matches!(n.base10_parse(), Ok(1..=MAX_WORKERS))
    {
        return Ok(quote!(#n));
    }
    let text = format!("`workers` is an integer from 1 to {MAX_WORKERS}");
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
