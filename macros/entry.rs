//! What `main` and `test` expand to: parse, validate, expand.
//!
//! The function stays where it was, with its attributes, docs and visibility. Its body moves, with
//! its return type, into an inner function of the same name, which the runtime runs as its first
//! goroutine. So `return` and `?` end the inner function and nothing of the runtime's is skipped.
//! The outer one returns `ExitCode`: what the inner one returns is turned into it on the goroutine,
//! and need not be `Send`.
//!
//! On an error the expansion still defines the function, where it can, so that one mistake gives
//! one message.

use crate::options::Options;
use proc_macro2::{Span, TokenStream};
use quote::{ToTokens, quote, quote_spanned};
use syn::{AttrStyle, Attribute, Error, Ident, ItemFn, Result, ReturnType, spanned::Spanned};

/// Which of the two attributes is being expanded.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `#[gort::main]`.
    Main,
    /// `#[gort::test]`.
    Test,
}

impl Kind {
    fn attribute(self) -> &'static str {
        match self {
            Self::Main => "`#[gort::main]`",
            Self::Test => "`#[gort::test]`",
        }
    }

    /// The function of `::gort::runtime::__private` that runs the body.
    fn runner(self, span: Span) -> TokenStream {
        match self {
            Self::Main => quote_spanned!(span=> ::gort::runtime::__private::main),
            Self::Test => quote_spanned!(span=> ::gort::runtime::__private::test),
        }
    }

    /// The attribute to put on the outer function. Its path is absolute: `test` alone may well be
    /// ours.
    fn marker(self) -> Option<TokenStream> {
        (self == Self::Test).then(|| quote!(#[::core::prelude::v1::test]))
    }
}

/// Expands `#[kind(options)] item`.
pub(crate) fn expand(kind: Kind, options: TokenStream, item: TokenStream) -> TokenStream {
    let function: ItemFn = match syn::parse2(item.clone()) {
        Ok(function) => function,
        Err(error) => {
            let text = format!("{} goes on a function: {error}", kind.attribute());
            let error = Error::new(error.span(), text).into_compile_error();
            return quote!(#error #item);
        }
    };
    let signature = check_signature(kind, &function);
    let options = Options::parse(options);
    match (signature, options) {
        (Ok(()), Ok(options)) => run_inside(kind, &options, function),
        (Ok(()), Err(error)) => {
            let (error, marker) = (error.into_compile_error(), kind.marker());
            quote!(#error #marker #function)
        }
        (Err(mut error), options) => {
            if let Err(other) = options {
                error.combine(other);
            }
            let (error, rest) = (error.into_compile_error(), stub(kind, &function));
            quote!(#error #rest)
        }
    }
}

/// What is left of a function that cannot be the entry: enough to keep the compiler from
/// complaining of a missing `main`.
fn stub(kind: Kind, function: &ItemFn) -> TokenStream {
    let (vis, name) = (&function.vis, &function.sig.ident);
    match kind {
        Kind::Main if name == "main" => quote!(#vis fn #name() {}),
        Kind::Main => function.to_token_stream(),
        Kind::Test => TokenStream::new(),
    }
}

fn check_signature(kind: Kind, function: &ItemFn) -> Result<()> {
    let sig = &function.sig;
    let mut wrong = Vec::new();
    let mut refuse = |tokens: &dyn ToTokens, text: &str| {
        let text = format!("{}: {text}", kind.attribute());
        wrong.push(Error::new_spanned(tokens, text));
    };
    if kind == Kind::Main && sig.ident != "main" {
        refuse(
            &sig.ident,
            "only `fn main`; to run another function, use `gort::runtime::Builder`",
        );
    }
    if let Some(keyword) = &sig.constness {
        refuse(keyword, "the function cannot be `const`");
    }
    if let Some(keyword) = &sig.asyncness {
        refuse(
            keyword,
            "no `async`: a goroutine runs plain code, and parks where it would block",
        );
    }
    if let Some(keyword) = &sig.unsafety {
        refuse(keyword, "the function cannot be `unsafe`");
    }
    if let Some(abi) = &sig.abi {
        refuse(abi, "the function cannot be `extern`");
    }
    if !sig.generics.params.is_empty() {
        refuse(&sig.generics, "the function cannot be generic");
    }
    if let Some(clause) = &sig.generics.where_clause {
        refuse(clause, "the function cannot have a `where` clause");
    }
    if !sig.inputs.is_empty() {
        refuse(&sig.inputs, "the function takes no arguments");
    }
    if kind == Kind::Test
        && let Some(attribute) = function.attrs.iter().find(|a| a.path().is_ident("test"))
    {
        refuse(
            attribute,
            "the function is a test already: remove `#[test]`",
        );
    }
    wrong
        .into_iter()
        .reduce(|mut all, error| {
            all.combine(error);
            all
        })
        .map_or(Ok(()), Err)
}

fn run_inside(kind: Kind, options: &Options, function: ItemFn) -> TokenStream {
    let ItemFn {
        attrs,
        vis,
        sig,
        block,
    } = function;
    let (inner, outer): (Vec<Attribute>, Vec<Attribute>) = attrs
        .into_iter()
        .partition(|a| matches!(a.style, AttrStyle::Inner(_)));
    let (name, output, body) = (&sig.ident, &sig.output, &block.stmts);
    let (options, marker) = (options.expand(), kind.marker());
    let call = call(kind, options, name, output);
    let (outer_output, call) = match output {
        // A test that returns nothing stays one: `#[should_panic]` asks for that.
        ReturnType::Default if kind == Kind::Test => (None, quote!(let _ = #call;)),
        _ => (Some(quote!(-> ::std::process::ExitCode)), call),
    };
    quote! {
        #marker
        #(#outer)*
        #vis fn #name() #outer_output {
            fn #name() #output {
                #(#inner)*
                #(#body)*
            }
            #call
        }
    }
}

/// The call that runs the inner function; in the span of the return type, where its errors (not
/// `Termination`) belong.
fn call(kind: Kind, options: TokenStream, name: &Ident, output: &ReturnType) -> TokenStream {
    let span = match output {
        ReturnType::Default => Span::call_site(),
        ReturnType::Type(_, ty) => ty.span().resolved_at(Span::call_site()),
    };
    let runner = kind.runner(span);
    let mut inner = name.clone();
    inner.set_span(name.span().located_at(span));
    quote_spanned!(span=> #runner(#options, #inner))
}
