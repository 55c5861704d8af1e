# What nlme's lme answers to a case: the call is evaluated beside its data, and the fit is taken apart under names.

# A grouping factor as R's ':' makes it, its variables taken as factors.
rn_group <- function(code, d) {
  tree <- parse(text = code, keep.source = FALSE)[[1]]
  as_factors <- lapply(d[intersect(all.vars(tree), names(d))], as.factor)
  factor(eval(tree, as_factors, globalenv()))
}

# One grouping factor: covariance of its effects, and the effects by level. lme calls an inner level "outer/inner".
rn_level <- function(fit, effects, k) {
  ids <- fit$groups[[k]]
  outer <- if (k == 1L) character(length(ids)) else paste0(as.character(fit$groups[[k - 1L]]), "/")
  own <- substring(as.character(ids), nchar(outer) + 1L)
  full <- rownames(effects)
  V <- fit$sigma^2 * nlme::pdMatrix(fit$modelStruct$reStruct[[names(fit$groups)[k]]])
  list(
    levels = own[match(full, as.character(ids))], names = colnames(V), V = unname(V),
    effects = unname(as.matrix(effects[, colnames(V), drop = FALSE]))
  )
}

rn_take <- function(fit) {
  effects <- nlme::random.effects(fit)
  if (ncol(fit$groups) == 1L) effects <- list(effects)
  ll <- logLik(fit)
  list(
    logLik = as.double(ll), df = attr(ll, "df"), AIC = AIC(fit), BIC = BIC(fit), nobs = fit$dims$N, sigma = fit$sigma,
    names = names(nlme::fixef(fit)), beta = unname(nlme::fixef(fit)), vcov = unname(as.matrix(vcov(fit))),
    levels = lapply(seq_along(fit$groups), function(k) rn_level(fit, effects[[k]], k)),
    fitted = as.double(fitted(fit)), residuals = as.double(residuals(fit))
  )
}

rn_answer <- function(code, name, data, groups) {
  for (column in names(groups)) data[[column]] <- rn_group(groups[[column]], data)
  where <- new.env(parent = asNamespace("nlme"))
  assign(name, data, envir = where)
  answer <- tryCatch(rc_listen(rn_take(eval(parse(text = code, keep.source = FALSE)[[1]], where))),
                     error = function(e) list(error = conditionMessage(e)))
  if (is.null(answer$error)) c(answer$value, list(messages = answer$messages, warnings = answer$warnings)) else answer
}
