//! What `go!` expands to: `::gort::spawn` of a closure, after the evaluation of what Go evaluates
//! in the spawner.
//!
//! ```text
//! go!(f(a, b))      {  let arg = a;  let arg = b;  ::gort::spawn(move || f(arg, arg))  }
//! go!({ block })    ::gort::spawn(move || { block })
//! go!(value)        ::gort::spawn(value)
//! ```
//!
//! Three kinds of operand stay in the closure: it makes no difference when they are evaluated, and
//! outside of the call they would lose something. They are a callee or receiver that is a path
//! (generic functions, statics), a literal, and a closure (the parameter's type gives it its own).
//!
//! Names are hygienic (`mixed_site`): user code can neither see nor shadow them.

use proc_macro2::{Ident, Span, TokenStream};
use quote::{format_ident, quote, quote_spanned};
use syn::{
    Block, Error, Expr, ExprCall, ExprMethodCall, Result, Stmt, Token,
    parse::{Parse, ParseStream, discouraged::Speculative},
    spanned::Spanned,
};

const FORMS: &str = "expected a call `f(x)`, a closure `move || ...` or a block `{ ... }`";
const NO_ASYNC: &str = "no `async`: a goroutine runs plain code, and parks where it would block";

/// What stands between the parentheses.
enum Input {
    One(Box<Expr>),
    Statements(Vec<Stmt>),
}

impl Parse for Input {
    fn parse(input: ParseStream<'_>) -> Result<Self> {
        if input.is_empty() {
            return Err(input.error(format!("nothing to run: {FORMS}")));
        }
        let ahead = input.fork();
        if let Ok(expr) = ahead.parse::<Expr>() {
            if ahead.parse::<Option<Token![,]>>()?.is_some() && !ahead.is_empty() {
                return Err(ahead.error(format!("one goroutine at a time: {FORMS}")));
            }
            if ahead.is_empty() {
                input.advance_to(&ahead);
                return Ok(Self::One(Box::new(expr)));
            }
        }
        Ok(Self::Statements(Block::parse_within(input)?))
    }
}

/// Expands `go!(input)`.
pub(crate) fn expand(input: TokenStream) -> Result<TokenStream> {
    match syn::parse2(input)? {
        Input::One(expr) => expand_one(*expr),
        Input::Statements(statements) => Ok(in_goroutine(&quote!({ #(#statements)* }))),
    }
}

fn expand_one(expr: Expr) -> Result<TokenStream> {
    match expr {
        Expr::Group(group) => expand_one(*group.expr),
        Expr::Paren(paren) => expand_one(*paren.expr),
        Expr::Call(call) => Ok(expand_call(call)),
        Expr::MethodCall(call) => Ok(expand_method(call)),
        Expr::Block(_)
        | Expr::Unsafe(_)
        | Expr::Macro(_)
        | Expr::ForLoop(_)
        | Expr::Loop(_)
        | Expr::While(_) => Ok(in_goroutine(&quote!(#expr))),
        Expr::Async(block) => Err(Error::new(block.async_token.span, NO_ASYNC)),
        Expr::Await(expr) => Err(Error::new(expr.await_token.span, NO_ASYNC)),
        Expr::Closure(syn::ExprClosure {
            asyncness: Some(keyword),
            ..
        }) => Err(Error::new(keyword.span, NO_ASYNC)),
        value => Ok(quote_spanned!(Span::mixed_site()=> ::gort::spawn(#value))),
    }
}

fn expand_call(mut call: ExprCall) -> TokenStream {
    let mut now = Operands::default();
    if !matches!(unwrapped(&call.func), Expr::Path(_)) {
        now.hoist(&mut call.func);
    }
    call.args.iter_mut().for_each(|arg| now.hoist(arg));
    now.spawn(&Expr::Call(call))
}

fn expand_method(mut call: ExprMethodCall) -> TokenStream {
    let mut now = Operands::default();
    if !matches!(unwrapped(&call.receiver), Expr::Path(_)) {
        now.hoist(&mut call.receiver);
    }
    call.args.iter_mut().for_each(|arg| now.hoist(arg));
    now.spawn(&Expr::MethodCall(call))
}

/// The operands of a call that the spawner evaluates, each under a name.
#[derive(Default)]
struct Operands(Vec<(Ident, Expr)>);

impl Operands {
    /// Puts a name in the operand's place.
    fn hoist(&mut self, operand: &mut Expr) {
        if matches!(unwrapped(operand), Expr::Lit(_) | Expr::Closure(_)) {
            return;
        }
        let span = Span::mixed_site().located_at(operand.span());
        let name = format_ident!("operand{}", self.0.len(), span = span);
        let mut value = std::mem::replace(operand, Expr::Verbatim(quote!(#name)));
        // `(x.f)(y)` needs its parentheses, `let name = (x.f)` has some too many.
        while let Expr::Paren(paren) = value {
            value = *paren.expr;
        }
        self.0.push((name, value));
    }

    /// Evaluates the operands, in order, and spawns the call on their values.
    fn spawn(&self, call: &Expr) -> TokenStream {
        let (names, values): (Vec<_>, Vec<_>) = self.0.iter().map(|(n, v)| (n, v)).unzip();
        let spawn = in_goroutine(&quote!(#call));
        // `mut`: a callee may be `FnMut`, a receiver's method may take `&mut self`. `quote!` gives
        // it a span of the macro's, of which the compiler does not complain when it is not needed.
        quote! {{
            #( let mut #names = #values; )*
            #spawn
        }}
    }
}

/// Spawns `body`, with what it uses moved into it. The closure has the span of the user's code: it
/// is what is not `Send`.
fn in_goroutine(body: &TokenStream) -> TokenStream {
    let span = Span::mixed_site().located_at(body.span());
    let closure = quote_spanned!(span=> move || #body);
    quote_spanned!(Span::mixed_site()=> ::gort::spawn(#closure))
}

/// The expression within its parentheses and invisible groups.
fn unwrapped(mut expr: &Expr) -> &Expr {
    loop {
        expr = match expr {
            Expr::Group(group) => &group.expr,
            Expr::Paren(paren) => &paren.expr,
            other => return other,
        };
    }
}
