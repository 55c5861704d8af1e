# What lme4 answers beyond the fit itself, by groups of questions. Needs data.R and extract.R; each function takes the fit,
# the case and the environment in which the case was fitted, and gives labelled values.

# A matrix told by its size and five weighted sums, which do not depend on how it is stored.
rs_digest <- function(M) {
  M <- as.matrix(M)
  rc_named(c(rows = nrow(M), columns = ncol(M), sum = sum(M), squares = sum(M^2), by.row = sum(row(M) * M),
             by.column = sum(col(M) * M)))
}
rs_frame <- function(d) rc_num(unname(as.matrix(d)), list(rownames(d), colnames(d)))
rs_draws <- function(d) rc_tall(as.matrix(d), 600, 50)
rs_part <- function(fit) {
  cnms <- getME(fit, "cnms")
  left <- if ("(Intercept)" %in% cnms[[1]]) "1" else paste("0 +", cnms[[1]][1])
  stats::as.formula(paste0("~(", left, " | ", names(cnms)[1], ")"))
}
rs_rows <- function(fit) {
  d <- getData(fit)
  d[c(1, nrow(d) %/% 2, nrow(d)), ]
}
rs_sizes <- function(fit) lengths(getME(fit, "cnms"))

# lme4's default optimizer stops at nloptr's own xtol_rel of 1e-4; what is fitted again from this fit stops at the optimum.
rs_exact <- quote(lmerControl(optimizer = "nloptwrap", calc.derivs = FALSE,
                              optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12, xtol_rel = 1e-14)))
# The same for what takes no control: nloptwrap keeps its defaults in its environment, where they may be changed.
rs_exactly <- function(expr) {
  kept <- environment(nloptwrap)$defaultControl
  on.exit(assign("defaultControl", kept, envir = environment(nloptwrap)))
  sharp <- utils::modifyList(kept, list(xtol_abs = 1e-12, ftol_abs = 1e-12, xtol_rel = 1e-14))
  assign("defaultControl", sharp, envir = environment(nloptwrap))
  expr
}
rs_fit <- function(case, where, control = NULL) {
  call <- rc_call(case)
  call$control <- control
  suppressMessages(suppressWarnings(eval(call, where)))
}
rs_estimates <- function(prefix, fit) {
  out <- list(criterion = rc_num(rc_criterion(fit)), theta = rc_named(getME(fit, "theta")), beta = rc_named(fixef(fit)),
              sigma = rc_num(sigma(fit)))
  stats::setNames(out, paste0(prefix, ".", names(out)))
}

# ----------------------------------------------------------------------------------------- predictions, simulations

rs_predict <- function(fit, case, where) {
  d <- rs_rows(fit)
  group <- sub(".*:", "", names(getME(fit, "cnms"))[1])
  unknown <- d
  unknown[[group]] <- as.character(unknown[[group]])
  unknown[[group]][3] <- "not seen"
  numeric <- Filter(function(v) is.numeric(d[[v]]), all.vars(stats::delete.response(terms(fit))))
  missing <- d
  out <- list(
    predict.all = rc_long(predict(fit), 400, 50),
    predict.population = rc_long(predict(fit, re.form = NA), 400, 50),
    predict.none = rc_long(predict(fit, re.form = ~0), 400, 50),
    predict.part = rc_long(predict(fit, re.form = rs_part(fit)), 400, 50),
    predict.random.only = rc_long(predict(fit, random.only = TRUE), 400, 50),
    predict.new = rc_named(predict(fit, d)),
    predict.new.population = rc_named(predict(fit, d, re.form = NA)),
    predict.new.part = rc_named(predict(fit, d, re.form = rs_part(fit))),
    predict.new.random.only = rc_named(predict(fit, d, random.only = TRUE)),
    predict.new.levels = rc_named(predict(fit, unknown, allow.new.levels = TRUE))
  )
  if (length(numeric)) {
    missing[[numeric[1]]][2] <- NA
    out$predict.na.pass <- rc_named(predict(fit, missing))
    out$predict.na.omit <- rc_named(predict(fit, missing, na.action = na.omit))
  }
  out
}

rs_simulations <- function(fit, case, where) {
  theta <- getME(fit, "theta")
  new <- list(beta = 0.9 * fixef(fit), theta = 1.1 * theta, sigma = 1.2 * sigma(fit))
  ask <- function(..., seed) rs_draws(simulate(fit, nsim = 2, seed = seed, ...))
  list(
    simulate.new = ask(seed = 21),
    simulate.use.u = ask(seed = 22, use.u = TRUE),
    simulate.kept = ask(seed = 23, re.form = NULL),
    simulate.part = ask(seed = 24, re.form = rs_part(fit)),
    simulate.newparams = ask(seed = 25, newparams = new),
    simulate.newdata = ask(seed = 26, newdata = getData(fit)[rc_positions(nobs(fit), 30), ], allow.new.levels = TRUE),
    simulate.formula = rs_draws(simulate(formula(fit)[-2], nsim = 2, seed = 27, newdata = getData(fit), newparams = new,
                                         family = gaussian))
  )
}

# --------------------------------------------------------------------------------------------- fits and comparisons

rs_refits <- function(fit, case, where) {
  y <- getME(fit, "y")
  again <- refit(fit, y + 0.2 * stats::sd(y) * sin(seq_along(y)), control = eval(rs_exact))
  where$fit <- fit
  smaller <- stats::as.formula(paste(". ~ 1 + (1 |", names(getME(fit, "cnms"))[1], ")"))
  changed <- list(substitute(update(fit, REML = r, control = e), list(r = !isREML(fit), e = rs_exact)),
                  substitute(update(fit, f, control = e), list(f = smaller, e = rs_exact)))
  c(rs_estimates("refit", again), rs_estimates("refitML", refitML(fit)),
    rs_estimates("update.REML", eval(changed[[1]], where)), rs_estimates("update.formula", eval(changed[[2]], where)))
}

rs_comparisons <- function(fit, case, where) {
  aic <- extractAIC(fit)
  user <- function(object, objectDrop, ...) {
    if (missing(objectDrop)) return(c(BIC = NA, gap = NA))
    c(BIC = BIC(objectDrop), gap = as.numeric(logLik(object)) - as.numeric(logLik(objectDrop)))
  }
  out <- list(extractAIC = rc_named(c(edf = aic[1], AIC = aic[2])))
  if (ncol(getME(fit, "X")) > 1) {
    own <- anova(fit)
    plain <- drop1(fit)
    tested <- drop1(fit, test = "Chisq")
    users <- drop1(fit, test = "user", sumFun = user)
    out <- c(out, list(anova.one = rs_frame(own), text.anova.one = rc_text(print(own)), drop1.none = rs_frame(plain), drop1.Chisq = rs_frame(tested), drop1.user = rs_frame(users),
                       text.drop1.none = rc_text(print(plain)), text.drop1.Chisq = rc_text(print(tested))))
  }
  out
}

rs_several <- function(fit, case, where) {
  where$M1 <- eval(rc_call(list(code = case$against)), where)
  where$M2 <- fit
  heard <- rc_listen(eval(quote(anova(M2, M1)), where))
  unfitted <- rc_listen(eval(quote(anova(M1, M2, refit = FALSE)), where))
  named <- rc_listen(eval(quote(anova(M1, M2, model.names = c("small", "large"))), where))
  list(anova.several = rs_frame(heard$value), text.anova.several = rc_text(print(heard$value)),
       anova.several.messages = rc_strings(heard$messages), anova.no.refit = rs_frame(unfitted$value),
       text.anova.named = rc_text(print(named$value)))
}

# lme4 1.1-31 takes rows out of the table of methods by position, once for each of dfoptim and optimx that is not there: the
# table has these two where such a row is taken out. The last line printed is rounding noise of the likelihoods.
rs_methods <- cbind(
  optimizer = c("bobyqa", "Nelder_Mead", "nlminbwrap", "nmkbw", "nloptwrap", "optimx", "nloptwrap", "nloptwrap"),
  method = c("", "", "", "", "NLOPT_LN_NELDERMEAD", "L-BFGS-B", "NLOPT_LN_BOBYQA", "NLOPT_LN_SBPLX")
)
rs_allfit <- function(fit, case, where) {
  all <- suppressMessages(suppressWarnings(allFit(fit, meth.tab = rs_methods, verbose = FALSE)))
  s <- summary(all)
  out <- list(allFit.ok = rc_named(s$which.OK), allFit.fixef = rs_frame(s$fixef), allFit.llik = rc_named(s$llik),
              allFit.theta = rs_frame(s$theta), text.allFit = rc_text(print(all)))
  out$text.allFit$x <- utils::head(out$text.allFit$x, -1)
  if (all(rs_sizes(fit) == 1)) out$allFit.sdcor <- rs_frame(s$sdcor)
  out
}

# The theta of lme4's default optimizer, where it stopped: nlopt itself can replay its steps.
rs_replay <- function(fit, case, where) list(replay.theta = rc_named(getME(fit, "theta")))

# ---------------------------------------------------------------------------------------------------------- intervals

rs_intervals <- function(fit, case, where) {
  fit <- rs_fit(case, where, rs_exact)
  name <- names(fixef(fit))[1]
  quiet <- function(...) rc_matrix(suppressMessages(confint(fit, ...)))
  pr <- profile(fit, signames = TRUE)
  d <- as.data.frame(pr)
  heard <- rc_listen(confint(fit, parm = 1))
  out <- list(
    confint.Wald.names = quiet(method = "Wald", oldNames = FALSE),
    confint.Wald.beta = quiet(method = "Wald", parm = "beta_", level = 0.9),
    confint.profile.name = rc_matrix(confint(pr, parm = name)),
    confint.profile.number = rc_matrix(heard$value),
    confint.messages = rc_strings(heard$messages),
    confint.profile.theta = rc_matrix(confint(pr, parm = "theta_", level = 0.8)),
    confint.profile.names = rc_strings(names(as.data.frame(profile(fit, which = 1, signames = FALSE)))),
    profile.confint.50 = rc_matrix(confint(pr, level = 0.5)),
    profile.confint.99 = rc_matrix(confint(pr, level = 0.99)),
    profile.log = rc_matrix(confint(log(pr))),
    profile.sigma = rc_matrix(confint(logProf(pr, ranef = FALSE))),
    profile.columns = rc_strings(names(d)),
    profile.points = rc_named(c(table(d$.par)))
  )
  if (all(rs_sizes(fit) == 1)) out$profile.variance <- rc_matrix(confint(varianceProf(pr)))
  out
}

rs_bootstrap <- function(fit, case, where) {
  fit <- rs_fit(case, where, rs_exact)
  ends <- function(type) rc_matrix(suppressWarnings(suppressMessages(confint(fit, method = "boot", nsim = 40, seed = 31, boot.type = type))))
  named <- suppressWarnings(suppressMessages(confint(fit, method = "boot", nsim = 20, seed = 32, oldNames = FALSE, parm = "theta_")))
  b <- bootMer(fit, fixef, nsim = 12, seed = 33)
  kept <- bootMer(fit, fixef, nsim = 12, seed = 34, use.u = TRUE)
  half <- bootMer(fit, fixef, nsim = 12, seed = 35, use.u = TRUE, type = "semiparametric")
  list(
    confint.boot.perc = ends("perc"), confint.boot.basic = ends("basic"), confint.boot.norm = ends("norm"),
    confint.boot.names = rc_matrix(named),
    bootMer.t0 = rc_named(b$t0), bootMer.t = rc_matrix(b$t), bootMer.use.u = rc_matrix(kept$t),
    bootMer.semiparametric = rc_matrix(half$t), text.bootMer = rc_text(print(b))
  )
}
