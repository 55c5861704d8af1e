# What lme4 answers beyond the fit itself: diagnostics, the insides, the modular steps. Needs surface.R.

rs_diagnostics <- function(fit, case, where) {
  pca <- rePCA(fit)
  derivs <- fit@optinfo$derivs
  labels <- names(getME(fit, "theta"))
  list(
    hat.sum = rc_num(sum(hatvalues(fit))), rstudent = rc_long(rstudent(fit), 400, 50), cooks.rows = rc_long(cooks.distance(fit), 400, 50),
    rePCA.sdev = rc_num(unlist(lapply(pca, function(p) p$sdev), use.names = FALSE), list(NULL)),
    rePCA.rotation = rc_num(unlist(lapply(pca, function(p) abs(p$rotation)), use.names = FALSE), list(NULL)),
    text.rePCA.summary = rc_text(print(summary(pca))),
    isSingular.strict = rc_num(isSingular(fit, tol = 0.3)),
    optinfo.messages = rc_strings(unlist(fit@optinfo$conv$lme4$messages)),
    optinfo.Hessian = rc_num(unname(derivs$Hessian), list(labels, labels)),
    check.gradient = rc_strings(rs_said(checkConv(list(gradient = c(0.01, rep(0, length(labels) - 1)), Hessian = diag(length(labels))),
                                        getME(fit, "theta"), rs_checks(), getME(fit, "lower")))),
    check.Hessian = rc_strings(rs_said(checkConv(list(gradient = rep(0, length(labels)), Hessian = -diag(length(labels))),
                                       getME(fit, "theta"), rs_checks(), getME(fit, "lower"))))
  )
}
rs_checks <- function() lmerControl()$checkConv
rs_said <- function(expr) rc_listen(expr)$warnings

rs_influence <- function(fit, case, where) {
  group <- names(getME(fit, "flist"))[1]
  fit <- rs_fit(case, where, rs_exact)
  by <- rs_exactly(influence(fit, group, data = getData(fit)))
  out <- list(
    influence.names = rc_strings(setdiff(names(by), "function.evals")),
    influence.fixed = rc_matrix(by[[2]]), influence.variances = rc_matrix(by[[4]]),
    influence.dfbeta = rc_matrix(dfbeta(by)), influence.dfbetas = rc_matrix(dfbetas(by)),
    influence.dfbeta.variances = rc_matrix(dfbeta(by, "var.cov")), influence.cooks = rc_named(cooks.distance(by))
  )
  if (nobs(fit) <= 60) {
    one <- rs_exactly(influence(fit, data = getData(fit)))
    out$influence.case.cooks <- rc_named(cooks.distance(one))
    out$influence.case.dfbeta <- rc_matrix(dfbeta(one))
  }
  out
}

# A fit shares its insides with the functions taken from it, and calling one of them changes the fit: so these are taken
# from a fit of their own.
# All that getME gives; of a sparse or large matrix its digest. CHOLMOD orders the columns of Z its own way, so of L and RZX
# what does not depend on the order is kept: P'LL'P, P'L RZX, and RZX'RZX.
rs_getme <- function(fit, case, where) {
  me <- function(name) getME(fit, name)
  digests <- stats::setNames(lapply(c("X", "Z", "Zt", "Lambda", "Lambdat", "A"), function(n) rs_digest(me(n))),
                             paste0("getME.", c("X", "Z", "Zt", "Lambda", "Lambdat", "A")))
  L <- me("L")
  P <- as(L, "pMatrix")
  lower <- Matrix::t(P) %*% as(L, "Matrix")
  RZX <- me("RZX")
  counts <- c("REML", "is_REML", "n_rtrms", "n_rfacs", "N", "n", "p", "q", "k", "m")
  per <- c("p_i", "l_i", "q_i", "m_i", "Tp")
  flat <- function(x) rc_num(unlist(lapply(x, as.matrix), use.names = FALSE), list(NULL))
  dc <- me("devcomp")
  c(digests, list(
    getME.names = rc_strings(setdiff(eval(formals(lme4:::getME.merMod)$name), "devcomp")),
    getME.L = rs_digest(lower %*% Matrix::t(lower)), getME.L.diagonal = rc_num(2 * sum(log(Matrix::diag(as(L, "Matrix"))))),
    getME.RZX = rs_digest(crossprod(as.matrix(RZX))), getME.L.RZX = rs_digest(lower %*% RZX),
    getME.RX = rc_num(unname(as.matrix(me("RX"))), list(NULL, NULL)),
    getME.counts = rc_named(vapply(counts, function(n) as.double(me(n)), 0)),
    getME.per.term = rc_num(unlist(lapply(per, function(n) unname(me(n)))), list(NULL)),
    getME.per.term.names = rc_strings(unlist(lapply(per, function(n) names(me(n))))),
    getME.Ztlist = rc_num(unname(t(vapply(me("Ztlist"), function(M) rs_digest(M)$x, double(6)))), list(names(me("Ztlist")), NULL)),
    getME.mmList = rc_num(unname(t(vapply(me("mmList"), function(M) rs_digest(M)$x, double(6)))), list(names(me("mmList")), NULL)),
    getME.Tlist = flat(me("Tlist")), getME.ST = flat(me("ST")), getME.mu = rc_long(unname(me("mu")), 400, 50),
    getME.offset = rc_num(sum(me("offset"))), getME.flist = rc_strings(unlist(lapply(me("flist"), levels), use.names = FALSE)),
    getME.cmp = rc_named(dc$cmp[setdiff(names(dc$cmp), c("drsum", "tolPwrss"))]), getME.dims = rc_named(dc$dims[c("N", "n", "p", "nmp", "q", "nth", "useSc", "reTrms", "spFe", "REML", "GLMM", "NLMM")]),
    getME.devfun = rc_num(getME(rs_fit(case, where), "devfun")(me("theta") * 1.1))
  ))
}

rs_extractors <- function(fit, case, where) {
  V <- VarCorr(fit)
  lower <- as.data.frame(V, order = "lower.tri")
  re <- as.data.frame(ranef(fit))
  start <- getME(fit, "theta")
  d <- getData(fit)
  out <- list(
    REMLcrit = rc_num(REMLcrit(fit)), deviance.ML = rc_num(deviance(fit, REML = FALSE)), logLik.ML = rc_num(as.numeric(logLik(fit, REML = FALSE))),
    logLik.REML = rc_num(as.numeric(logLik(fit, REML = TRUE))), weights.prior = rc_long(unname(weights(fit)), 400, 50),
    family = rc_strings(c(family(fit)$family, family(fit)$link)), text.family = rc_text(print(family(fit))),
    formula = rc_strings(c(deparse(formula(fit)), deparse(formula(fit, fixed.only = TRUE)))),
    terms = rc_strings(attr(terms(fit), "term.labels")), model.frame.names = rc_strings(names(model.frame(fit))),
    model.frame.dim = rc_num(dim(model.frame(fit)), list(NULL)), model.matrix = rs_digest(model.matrix(fit)),
    model.matrix.random = rs_digest(model.matrix(fit, type = "random")),
    data.dim = rc_num(dim(d), list(NULL)), data.columns = rc_strings(names(d)),
    is = rc_named(c(LMM = isLMM(fit), GLMM = isGLMM(fit), NLMM = isNLMM(fit), REML = isREML(fit))),
    VarCorr.lower.tri = rc_num(lower$sdcor, list(NULL)), VarCorr.lower.tri.names = rc_strings(paste(lower$grp, lower$var1, lower$var2)),
    text.VarCorr.variance = rc_text(print(V, comp = "Variance")), text.VarCorr.both = rc_text(print(V, comp = c("Variance", "Std.Dev."), digits = 3)),
    ranef.columns = rc_strings(names(re)), text.fixef = rc_text(print(fixef(fit))), text.logLik = rc_text(print(logLik(fit))),
    as.function = rc_num(as.function(rs_fit(case, where))(start * 0.9)), getL = rc_num(as.double(Matrix::determinant(getL(fit))$modulus)),
    methTitle = rc_strings(trimws(methTitle(fit@devcomp$dims))), llikAIC = rc_named(llikAIC(fit)$AICtab),
    text.formatVC = list(kind = "text", x = unname(apply(formatVC(V), 1, paste, collapse = "|"))), ngrps.factor = rc_num(ngrps(getME(fit, "flist")[[1]]))
  )
  f <- devfun2(rs_fit(case, where, rs_exact))
  at <- attr(f, "optimum")[seq_len(length(start) + 1)]
  c(out, list(devfun2 = rc_num(f(unname(at) * 1.05)), devfun2.base = rc_num(attr(f, "basedev"))))
}

rs_conversions <- function(fit, case, where) {
  n <- unname(rs_sizes(fit))
  theta <- unname(getME(fit, "theta"))
  s <- sigma(fit)
  V <- as.matrix(VarCorr(fit)[[1]])
  plain <- function(x) rc_num(unlist(x, use.names = FALSE), list(NULL))
  SC <- cov2sdcor(V)
  list(
    Cv_to_Sv = plain(Cv_to_Sv(theta, n, s)), Cv_to_Vv = plain(Cv_to_Vv(theta, n, s)), Sv_to_Cv = plain(Sv_to_Cv(Cv_to_Sv(theta, n, s), n, s)),
    Vv_to_Cv = plain(Vv_to_Cv(Cv_to_Vv(theta, n, s), n, s)), mlist2vec = plain(mlist2vec(getME(fit, "Tlist"))),
    vec2mlist = plain(vec2mlist(theta, n, symm = FALSE)), vec2STlist = plain(vec2STlist(theta, n)),
    cov2sdcor = rc_num(unname(as.matrix(SC)), list(NULL, NULL)), sdcor2cov = rc_num(unname(as.matrix(sdcor2cov(SC))), list(NULL, NULL))
  )
}

# The starting values are copied, since optimizing writes into reTrms$theta.
rs_modular <- function(fit, case, where) {
  f <- formula(fit)
  d <- getData(fit)
  if (any(weights(fit) != 1)) d$rs.weights <- weights(fit)
  lf <- if (is.null(d$rs.weights)) lFormula(f, data = d, REML = isREML(fit)) else lFormula(f, data = d, REML = isREML(fit), weights = rs.weights)
  start <- lf$reTrms$theta * 1
  devfun <- do.call(mkLmerDevfun, lf)
  begun <- devfun(start)
  opt <- optimizeLmer(devfun, control = list(xtol_abs = 1e-12, ftol_abs = 1e-12, xtol_rel = 1e-14))
  made <- mkMerMod(environment(devfun), opt, lf$reTrms, fr = lf$fr)
  factors <- getME(fit, "flist")
  first <- factors[[1]]
  d <- dummy(first, levels(first)[1:2])
  list(
    lFormula.frame = rc_strings(setdiff(names(lf$fr), "(weights)")), lFormula.start = rc_num(start, list(names(start))),
    lFormula.bars = rc_strings(vapply(findbars(f), function(b) paste(deparse(b), collapse = ""), "")),
    nobars = rc_strings(deparse(nobars(f))), subbars = rc_strings(deparse(subbars(f))), expandDoubleVerts = rc_strings(deparse(expandDoubleVerts(f))),
    devfun.start = rc_num(begun), optimizeLmer.value = rc_num(opt$fval), optimizeLmer.par = rc_num(opt$par, list(NULL)),
    mkMerMod.criterion = rc_num(rc_criterion(made)),
    isNested = rc_num(if (length(factors) > 1) isNested(factors[[1]], factors[[2]]) else isNested(first, first)),
    dummy = rs_digest(as.matrix(d)), dummy.names = rc_strings(colnames(d)), Nelder_Mead.value = rc_num(Nelder_Mead(devfun, start, lower = lf$reTrms$lower)$fval),
    nlminbwrap.value = rc_num(nlminbwrap(start, devfun, lf$reTrms$lower, rep(Inf, length(start)))$fval),
    nloptwrap.value = rc_num(nloptwrap(start, devfun, lf$reTrms$lower, rep(Inf, length(start)))$fval)
  )
}

# ------------------------------------------------------------------------------------------------------------- lmList

rc_lmlist <- function(fit, case, where) {
  s <- summary(fit)
  ci <- suppressMessages(confint(fit))
  cf <- as.matrix(coef(fit))
  table <- s$coefficients
  list(
    lmList.coef = rs_frame(coef(fit)), lmList.fixef = rc_named(fixef(fit)), lmList.ranef = rc_num(unlist(ranef(fit), use.names = FALSE), list(NULL)),
    lmList.confint = rc_num(as.vector(ci), list(NULL)), lmList.sigma = rc_num(sigma(fit)), lmList.logLik = rc_num(as.numeric(logLik(fit))),
    lmList.logLik.df = rc_num(attr(logLik(fit), "df")), lmList.fitted = rc_long(unname(fitted(fit)), 400, 50), lmList.residuals = rc_long(unname(residuals(fit)), 400, 50),
    lmList.formula = rc_strings(deparse(formula(fit))), lmList.summary = rc_num(as.vector(table), list(NULL)),
    text.lmList = rc_text(print(fit)), text.lmList.confint = rc_text(print(ci)), text.lmList.summary = rc_text(print(s))
  )
}

rc_surface <- list(
  predictions = rs_predict, simulations = rs_simulations, refits = rs_refits, comparisons = rs_comparisons, several = rs_several,
  allFit = rs_allfit, replay = rs_replay, intervals = rs_intervals, bootstrap = rs_bootstrap, diagnostics = rs_diagnostics,
  deletions = rs_influence, getME = rs_getme, extractors = rs_extractors, conversions = rs_conversions, modular = rs_modular
)
