# What lme4 has for those who build on it: templates, parts of predictions, its two modules, quadrature. Needs surface.R.

rs_tools <- function(fit, case, where) {
  bars <- findbars(formula(fit))
  shown <- function(b) paste0("(", paste(deparse(b), collapse = ""), ")")
  random <- stats::as.formula(paste("~", paste(vapply(bars, shown, ""), collapse = " + ")))
  new <- mkNewReTrms(fit, rs_rows(fit), re.form = random)
  V <- mkVarCorr(sigma(fit), getME(fit, "cnms"), lengths(getME(fit, "cnms")), getME(fit, "theta"), names(getME(fit, "cnms")))
  template <- mkParsTemplate(formula(fit)[-2], getData(fit))
  data <- mkDataTemplate(~ x + (x | g) + (1 | h), nGrps = 3, nPerGrp = 2)
  position <- lme4::rePos$new(fit)
  made <- mkRespMod(model.frame(fit), REML = getME(fit, "REML"))
  pp <- fit@pp
  rows <- lme4::GQdk(2, 3)
  strung <- lme4::fortify.merMod(fit, getData(fit))
  plain <- data.frame(a = c(2, 1, 2), b = c("x", "y", "x"))
  list(
    mkNewReTrms.Zt = rs_digest(new$Zt), mkNewReTrms.b = rc_num(unname(new$b), list(NULL)), mkNewReTrms.Lambdat = rs_digest(new$Lambdat),
    mkVarCorr = rc_num(unlist(lapply(V, as.vector), use.names = FALSE), list(NULL)),
    mkParsTemplate = rc_num(unlist(template, use.names = FALSE), list(unlist(lapply(template[1:2], names), use.names = FALSE) |> c("sigma"))),
    mkDataTemplate = rc_strings(c(names(data), paste(data$g, data$h, data$x))),
    rePos.fields = rc_num(c(position$ncols, position$nctot, position$nlevs, position$offsets, unlist(position$terms)), list(NULL)),
    mkRespMod.y = rc_num(sum(made$y)), mkRespMod.weights = rc_num(sum(made$weights)), mkRespMod.offset = rc_num(sum(made$offset)),
    mkRespMod.objective = rc_num(fit@resp$objective(pp$ldL2(), pp$ldRX2(), pp$sqrL(1))),
    merPredD.beta = rc_num(pp$beta(1), list(NULL)), merPredD.b = rc_num(pp$b(1), list(NULL)), merPredD.linPred = rc_num(sum(pp$linPred(1))),
    merPredD.logs = rc_num(c(pp$ldL2(), pp$ldRX2(), pp$sqrL(1)), list(NULL)), merPredD.unsc = rc_num(pp$unsc(), list(NULL, NULL)),
    GHrule = rc_num(unname(GHrule(7)), list(NULL, NULL)),
    GQdk = rc_num(c(nrow(rows), sum(rows[, 1]), sum(abs(rows[, 1])), sum(rows[, 1] * rows[, 2]^2 * rows[, 3]^2), sum(rows[, 1] * rows[, 2]^4)), list(NULL)),
    GQN = rc_num(lengths(GQN), list(NULL)),
    fortify = rc_num(colSums(strung[c(".fitted", ".resid", ".scresid")]^2), list(c(".fitted", ".resid", ".scresid"))), fortify.columns = rc_strings(names(strung)),
    factorize = rc_strings(c(levels(factorize(~ a + b, plain)$a), levels(factorize(~ a + b, plain)$b)))
  )
}

rc_surface$tools <- rs_tools
