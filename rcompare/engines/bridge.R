# From a formula, data and theta to a real lmerMod without optimizing, and from an lmerMod to what made it.

rc_assemble <- function(code, name, data, theta) {
  where <- new.env(parent = globalenv())
  assign(name, data, envir = where)
  if (!exists(name, envir = globalenv())) assign(name, data, envir = globalenv())  # where update() looks for it
  call <- match.call(lme4::lmer, parse(text = code, keep.source = FALSE)[[1]])
  modular <- call
  modular[[1]] <- quote(lme4::lFormula)
  modular[["control"]] <- quote(lme4::lmerControl())
  parts <- eval(modular, where)
  devfun <- do.call(lme4::mkLmerDevfun, parts)
  opt <- list(par = theta, fval = devfun(theta), conv = 0, feval = 0L, message = "assembled from pylmer, not fitted in R")
  attr(opt, "optimizer") <- "nloptwrap"  # what refit(), profile() and bootMer() go on with
  attr(opt, "control") <- list()
  lme4::mkMerMod(environment(devfun), opt, parts$reTrms, parts$fr, mc = call)
}

rc_column <- function(x) {
  if (is.factor(x)) list(kind = if (is.ordered(x)) "ordered" else "factor", values = as.double(as.integer(x)), levels = levels(x))
  else if (is.logical(x)) list(kind = "logical", values = as.double(x))
  else if (is.numeric(x)) list(kind = "number", values = as.double(x))
  else list(kind = "text", values = as.character(x))
}

rc_frame <- function(d) list(names = names(d), columns = unname(lapply(d, rc_column)), rows = row.names(d))

rc_disassemble <- function(fit) {
  f <- stats::formula(fit)
  asked <- fit@call
  if (is.null(asked$data)) stop("the fit was made without a data frame, so there is nothing to fit again in Python")
  said <- function(x) if (is.null(x)) NULL else paste(deparse(x, width.cutoff = 500L), collapse = " ")
  list(
    formula = said(f), name = said(asked$data), data = rc_frame(as.data.frame(eval(asked$data, environment(f)))),
    theta = as.double(lme4::getME(fit, "theta")), REML = lme4::isREML(fit), weights = said(asked$weights),
    offset = said(asked$offset), subset = said(asked$subset), na.action = said(asked$na.action),
    contrasts = if (is.null(asked$contrasts)) NULL else as.list(eval(asked$contrasts, environment(f)))
  )
}
