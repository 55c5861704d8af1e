# What R answers to a case: fits, and takes the fit apart into labelled numbers, label lists and printed text.
# Needs data.R and lme4. A number array is list(x, dim, labels, sampled), C order is made on the other side.

rc_num <- function(x, labels = NULL, sampled = FALSE) {
  d <- if (is.null(dim(x))) (if (is.null(labels) && length(x) == 1L) integer(0) else length(x)) else dim(x)
  list(kind = "array", x = as.double(x), dim = as.integer(d), labels = labels, sampled = sampled)
}
rc_named <- function(x) rc_num(unname(x), list(names(x)))
rc_matrix <- function(x) rc_num(unname(as.matrix(x)), list(rownames(x), colnames(x)))
rc_column <- function(x, which) rc_num(unname(x[, which]), list(rownames(x)))
rc_strings <- function(x) list(kind = "strings", x = as.character(x))
rc_text <- function(expr) list(kind = "text", x = utils::capture.output(expr))

# The first ten of n positions, and about `size` more spread evenly.
rc_positions <- function(n, size) {
  if (n <= size) seq_len(n) else sort(unique(c(1:10, ((0:(size - 1)) * n) %/% size + 1)))
}

# A long vector keeps a deterministic part of its entries.
rc_long <- function(x, limit = 20000, size = 2000) {
  keep <- if (length(x) > limit) rc_positions(length(x), size) else seq_along(x)
  labels <- if (is.null(names(x))) as.character(seq_along(x)) else names(x)
  rc_num(unname(x[keep]), list(labels[keep]), length(x) > limit)
}
rc_tall <- function(x, cells, size = 1000) {
  keep <- if (length(x) > cells) rc_positions(nrow(x), size) else seq_len(nrow(x))
  rows <- if (is.null(rownames(x))) as.character(seq_len(nrow(x))) else rownames(x)
  rc_num(unname(as.matrix(x)[keep, , drop = FALSE]), list(rows[keep], colnames(x)), length(x) > cells)
}

# -------------------------------------------------------------------------------------------------- a mixed model

rc_effect_labels <- function(fit) {
  flist <- getME(fit, "flist")
  cnms <- getME(fit, "cnms")
  levels_of <- lapply(attr(flist, "assign"), function(i) levels(flist[[i]]))
  unlist(Map(function(group, names, levels) {
    paste(group, rep(levels, each = length(names)), rep(names, length(levels)), sep = " | ")
  }, names(cnms), cnms, levels_of), use.names = FALSE)
}

rc_structure <- function(fit) {
  X <- getME(fit, "X")
  flist <- getME(fit, "flist")
  cnms <- getME(fit, "cnms")
  theta <- getME(fit, "theta")
  dropped <- names(attr(X, "col.dropped"))
  list(
    dims = rc_named(c(n = nrow(X), p = ncol(X), q = getME(fit, "q"), terms = length(cnms), theta = length(theta))),
    X.names = rc_strings(colnames(X)),
    dropped = rc_strings(if (is.null(dropped)) character() else dropped),
    cnms = rc_strings(paste(names(cnms), vapply(cnms, paste, "", collapse = " "), sep = " | ")),
    theta.names = rc_strings(names(theta)),
    lower = rc_num(getME(fit, "lower"), list(names(theta))),
    Gp = rc_num(getME(fit, "Gp"), list(NULL)),
    Lind = rc_num(getME(fit, "Lind"), list(NULL)),
    ngrps = rc_named(ngrps(fit)),
    levels = rc_strings(unlist(Map(function(g, f) paste(g, levels(f), sep = " | "), names(flist), flist))),
    X = rc_tall(X, 5000, 500),
    y = rc_long(setNames(getME(fit, "y"), rownames(X))),
    Zt = rc_entries(getME(fit, "Zt"))
  )
}

# Non-zero entries of Zt for a part of the observations: observation, row of Zt, value.
rc_entries <- function(Zt) {
  keep <- rc_positions(ncol(Zt), 500)
  triplet <- Matrix::summary(Zt[, keep, drop = FALSE])
  triplet <- triplet[triplet$x != 0, ]
  triplet <- triplet[order(triplet$j, triplet$i), ]
  rc_num(unname(cbind(keep[triplet$j], triplet$i, triplet$x)), list(NULL, c("observation", "row", "value")),
         ncol(Zt) > 500)
}

rc_varcorr <- function(fit, column) {
  d <- as.data.frame(VarCorr(fit))
  label <- ifelse(is.na(d$var1), d$grp, ifelse(is.na(d$var2), paste(d$grp, d$var1, sep = " | "),
                                               paste(d$grp, d$var1, d$var2, sep = " | ")))
  rc_num(d[[column]], list(label))
}

rc_criterion <- function(fit) if (isREML(fit)) REMLcrit(fit) else deviance(fit)

rc_fit <- function(fit) {
  s <- summary(fit)
  V <- as.matrix(vcov(fit))
  ll <- logLik(fit)
  cmp <- getME(fit, "devcomp")$cmp
  RX <- as.matrix(getME(fit, "RX"))
  dimnames(RX) <- dimnames(V)
  sd <- sqrt(diag(V))
  scaled <- residuals(fit, type = "pearson", scaled = TRUE)
  list(
    criterion = rc_num(rc_criterion(fit)),
    theta = rc_named(getME(fit, "theta")),
    beta = rc_named(fixef(fit)),
    se = rc_column(s$coefficients, "Std. Error"),
    t.value = rc_column(s$coefficients, "t value"),
    vcov = rc_matrix(V),
    correlation = rc_matrix(V / outer(sd, sd)),
    sigma = rc_num(sigma(fit)),
    varcor.vcov = rc_varcorr(fit, "vcov"),
    varcor.sdcor = rc_varcorr(fit, "sdcor"),
    logLik = rc_num(as.numeric(ll)),
    logLik.df = rc_num(attr(ll, "df")),
    AIC = rc_num(AIC(fit)),
    BIC = rc_num(BIC(fit)),
    df.residual = rc_num(df.residual(fit)),
    nobs = rc_num(nobs(fit)),
    singular = rc_num(isSingular(fit)),
    ldL2 = rc_num(cmp[["ldL2"]]),
    ldRX2 = rc_num(cmp[["ldRX2"]]),
    pwrss = rc_num(cmp[["pwrss"]]),
    ussq = rc_num(cmp[["ussq"]]),
    RX = rc_matrix(RX),
    scaled.residual.quantiles = rc_num(unname(quantile(scaled, na.rm = TRUE)), list(c("Min", "1Q", "Median", "3Q", "Max"))),
    evaluations = rc_num(fit@optinfo$feval)
  )
}

rc_effects <- function(fit) {
  labels <- rc_effect_labels(fit)
  re <- as.data.frame(ranef(fit, condVar = TRUE))
  re_labels <- paste(re$grpvar, re$grp, re$term, sep = " | ")
  cf <- coef(fit)
  cf_labels <- unlist(Map(function(g, d) paste(g, rep(rownames(d), each = ncol(d)), rep(colnames(d), nrow(d)), sep = " | "),
                          names(cf), cf))
  cf_values <- unlist(lapply(cf, function(d) as.vector(t(as.matrix(d)))))
  list(
    u = rc_long(setNames(as.vector(getME(fit, "u")), labels)),
    b = rc_long(setNames(as.vector(getME(fit, "b")), labels)),
    ranef = rc_long(setNames(re$condval, re_labels)),
    condsd = rc_long(setNames(re$condsd, re_labels)),
    coef = rc_long(setNames(cf_values, cf_labels))
  )
}

rc_rows <- function(fit) list(
  fitted = rc_long(fitted(fit)),
  residuals = rc_long(residuals(fit)),
  pearson = rc_long(residuals(fit, type = "pearson", scaled = TRUE), limit = 5000, size = 1000)
)

rc_texts <- function(fit) c(
  list(text.print = rc_text(print(fit)), text.summary = rc_text(print(summary(fit))), text.VarCorr = rc_text(print(VarCorr(fit)))),
  if (sum(ngrps(fit)) <= 400) list(text.ranef = rc_text(print(ranef(fit))), text.coef = rc_text(print(coef(fit))))
)

rc_icc <- function(fit) {
  v <- as.data.frame(VarCorr(fit))$vcov
  sd <- sqrt(v[1])
  y <- getME(fit, "y")
  group <- getME(fit, "flist")[[1]]
  raw <- tapply(y, group, mean)
  list(
    icc = rc_num(v[1] / sum(v)),
    band = rc_num(unname(fixef(fit)[1] + c(-1, 0, 1) * sd), list(c("mean - SD", "mean", "mean + SD"))),
    response.mean = rc_num(mean(y)),
    group.means = rc_num(as.vector(raw), list(names(raw)))
  )
}

# The first ten rows of the first group, as a tutorial shows them.
rc_heads <- function(fit) list(
  text.ranef.head = rc_text(print(head(ranef(fit)[[1]], 10))),
  text.coef.head = rc_text(print(head(coef(fit)[[1]], 10)))
)

rc_simulate <- function(fit, draws) {
  s <- as.matrix(simulate(fit, nsim = draws$nsim, seed = draws$seed))
  list(simulate = rc_tall(s, 5000))
}

# The criterion of every refit is kept too: where R's optimizer stopped short, the replicate is not to be trusted.
rc_boot <- function(fit, draws) {
  statistic <- function(m) {
    v <- as.data.frame(VarCorr(m), order = "lower.tri")
    c(v$sdcor, fixef(m), criterion = rc_criterion(m))
  }
  b <- bootMer(fit, statistic, nsim = draws$nsim, seed = draws$seed)
  ci <- confint(fit, method = "boot", nsim = draws$nsim, seed = draws$seed, quiet = TRUE)
  k <- ncol(b$t)
  replicates <- as.character(seq_len(nrow(b$t)))
  list(
    boot.t0 = rc_num(unname(b$t0[-k]), list(rownames(ci))),
    boot.t = rc_num(unname(b$t[, -k]), list(replicates, rownames(ci))),
    boot.criterion = rc_num(unname(b$t[, k]), list(replicates)),
    boot.ci = rc_matrix(ci),
    text.boot.ci = rc_text(print(ci))
  )
}

rc_satterthwaite <- function(fit) {
  s <- as.data.frame(stats::coef(summary(lmerTest::as_lmerModLmerTest(fit))))
  list(
    satterthwaite.df = rc_num(s$df, list(rownames(s))),
    satterthwaite.p = rc_num(s[["Pr(>|t|)"]], list(rownames(s)))
  )
}

rc_anova <- function(fit) {
  a <- anova(fit)
  list(anova = rc_num(unname(as.matrix(a)), list(rownames(a), colnames(a))), text.anova = rc_text(print(a)))
}

rc_drop1 <- function(fit) {
  d <- drop1(fit, test = "Chisq")
  list(drop1 = rc_num(unname(as.matrix(d)), list(rownames(d), colnames(d))), text.drop1 = rc_text(print(d)))
}

# Two models compared; R refits both by maximum likelihood.
rc_against <- function(fit, case, where) {
  where$M1 <- eval(rc_call(list(code = case$against)), where)
  where$M2 <- fit
  a <- suppressMessages(eval(quote(anova(M1, M2)), where))
  list(against = rc_num(unname(as.matrix(a)), list(rownames(a), colnames(a))), text.against = rc_text(print(a)))
}

rc_extra <- list(
  icc = function(fit, case) rc_icc(fit),
  heads = function(fit, case) rc_heads(fit),
  simulate = function(fit, case) rc_simulate(fit, case$simulate),
  boot = function(fit, case) rc_boot(fit, case$boot),
  wald = function(fit, case) list(confint.wald = rc_matrix(confint(fit, method = "Wald"))),
  profile = function(fit, case) list(confint.profile = rc_matrix(confint(fit, method = "profile", quiet = TRUE))),
  satterthwaite = function(fit, case) rc_satterthwaite(fit),
  influence = function(fit, case) list(hatvalues = rc_long(hatvalues(fit), 5000, 1000), cooks = rc_long(cooks.distance(fit), 5000, 1000)),
  anova = function(fit, case) rc_anova(fit),
  drop1 = function(fit, case) rc_drop1(fit)
)

rc_lmer <- function(fit, case, where) {
  core <- list(structure = rc_structure, fit = rc_fit, effects = rc_effects, rows = rc_rows, text = rc_texts)
  out <- list()
  for (group in intersect(names(core), case$groups)) out <- c(out, core[[group]](fit))
  for (group in intersect(names(rc_extra), case$groups)) out <- c(out, rc_extra[[group]](fit, case))
  for (group in intersect(names(rc_surface), case$groups)) out <- c(out, rc_surface[[group]](fit, case, where))
  if ("against" %in% case$groups) out <- c(out, rc_against(fit, case, where))
  out
}

# The optimum itself: several optimizers with tight tolerances, from R's start and from where R's fit stopped; the lowest
# criterion is kept, then started from once more.
rc_tight <- function(fit, case, where) {
  controls <- list(
    lmerControl(optimizer = "nloptwrap", calc.derivs = FALSE, boundary.tol = 0,
                optCtrl = list(xtol_abs = 1e-12, ftol_abs = 1e-12, maxeval = 1e5)),
    lmerControl(optimizer = "bobyqa", calc.derivs = FALSE, boundary.tol = 0, optCtrl = list(rhobeg = 2e-3, rhoend = 1e-9, maxfun = 1e5)),
    lmerControl(optimizer = "nloptwrap", calc.derivs = FALSE, boundary.tol = 0,
                optCtrl = list(algorithm = "NLOPT_LN_SBPLX", xtol_abs = 1e-11, ftol_abs = 1e-12, maxeval = 1e4))
  )
  again <- function(control, start) {
    where$.control <- control
    where$.start <- start
    tryCatch(suppressMessages(suppressWarnings(eval(rc_call(case, extra = ", control = .control, start = .start"), where))),
             error = function(e) NULL)
  }
  stopped <- getME(fit, "theta")
  best <- fit
  better <- function(m) if (!is.null(m) && rc_criterion(m) < rc_criterion(best)) best <<- m
  quick <- getME(fit, "n") < 20000
  for (control in if (quick) controls else controls[2]) {
    better(again(control, stopped))
    if (quick) better(again(control, NULL))
  }
  better(again(controls[[if (quick) 1 else 2]], getME(best, "theta")))
  stated <- fit@optinfo
  stated$conv$lme4 <- best@optinfo$conv$lme4
  best@call <- fit@call
  best@optinfo <- stated
  best
}

# Everything that is compared at an engine's own optimum; long vectors only where they are not very long.
rc_tight_values <- function(best, case) {
  effects <- rc_effects(best)[c("ranef", "condsd", "coef")]
  y <- getME(best, "y")
  c(rc_fit(best), effects[vapply(effects, function(v) length(v$x) <= 1000, NA)],
    if (length(y) <= 1000) rc_rows(best)["fitted"],
    rc_texts(best), if ("heads" %in% case$groups) rc_heads(best), if ("icc" %in% case$groups) rc_icc(best))
}

# ------------------------------------------------------------------------------------------ lm, aov, data themselves

rc_lm <- function(fit, case, where) {
  s <- summary(fit)
  cf <- s$coefficients
  list(
    beta = rc_named(coef(fit)),
    se = rc_column(cf, 2), t.value = rc_column(cf, 3), p.value = rc_column(cf, 4),
    sigma = rc_num(s$sigma), df.residual = rc_num(df.residual(fit)),
    r.squared = rc_num(c(s$r.squared, s$adj.r.squared), list(c("multiple", "adjusted"))),
    f.statistic = rc_num(unname(s$fstatistic), list(c("F", "numerator df", "denominator df"))),
    residual.quantiles = rc_num(unname(quantile(residuals(fit))), list(c("Min", "1Q", "Median", "3Q", "Max"))),
    text.print = rc_text(print(fit)), text.summary = rc_text(print(s))
  )
}

rc_aov <- function(fit, case, where) {
  s <- summary(fit)
  strata <- if (inherits(s, "summary.aovlist")) s else list("Error: Within" = s)
  tables <- lapply(strata, function(x) as.data.frame(unclass(x)[[1]]))
  labels <- unlist(Map(function(n, d) paste(sub("^Error: ", "", n), trimws(rownames(d)), sep = " | "), names(strata), tables))
  column <- function(name) rc_num(unlist(lapply(tables, function(d) d[[name]])), list(unname(labels)))
  list(
    aov.df = column("Df"), aov.ss = column("Sum Sq"), aov.ms = column("Mean Sq"),
    text.print = rc_text(print(fit)), text.summary = rc_text(print(s))
  )
}

rc_look <- function(d, case, where) {
  type <- vapply(d, function(x) class(x)[1], "")
  numbers <- names(d)[vapply(d, is.numeric, NA)]
  codes <- vapply(d, function(x) as.double(head(if (is.factor(x)) as.integer(x) else x, 10)), double(min(10, nrow(d))))
  factors <- names(d)[vapply(d, is.factor, NA)]
  list(
    data.names = rc_strings(names(d)),
    data.types = rc_strings(paste(names(d), type, sep = " | ")),
    data.levels = rc_strings(unlist(lapply(factors, function(f) paste(f, levels(d[[f]]), sep = " | ")))),
    data.head = rc_num(unname(codes), list(as.character(seq_len(nrow(codes))), colnames(codes))),
    data.means = rc_num(vapply(d[numbers], mean, 0), list(numbers)),
    data.group.sizes = rc_num(range(table(d[[factors[1]]])), list(c("smallest", "largest"))),
    text.str = rc_text(utils::str(d))
  )
}

# ------------------------------------------------------------------------------------------------------- one case

rc_call <- function(case, extra = "") {
  parse(text = sub("\\)$", paste0(extra, ")"), case$code), keep.source = FALSE)[[1]]
}

rc_listen <- function(expr) {
  messages <- character()
  warnings <- character()
  value <- withCallingHandlers(
    expr,
    message = function(m) { messages <<- c(messages, sub("\n$", "", conditionMessage(m))); invokeRestart("muffleMessage") },
    warning = function(w) { warnings <<- c(warnings, conditionMessage(w)); invokeRestart("muffleWarning") }
  )
  list(value = value, messages = messages, warnings = warnings)
}

rc_answer <- function(case, data) {
  where <- new.env(parent = globalenv())
  assign(case$data, data, envir = where)
  heard <- tryCatch(rc_listen(eval(rc_call(case), where)), error = function(e) conditionMessage(e))
  if (is.character(heard)) return(list(error = heard, values = list(), tight = list(), messages = NULL, warnings = NULL))
  fit <- heard$value
  take <- switch(case$call, lmer = rc_lmer, lm = rc_lm, aov = rc_aov, data = rc_look, lmList = rc_lmlist)
  values <- suppressMessages(suppressWarnings(take(fit, case, where)))
  tight <- if (case$call == "lmer" && isTRUE(case$tight)) suppressWarnings(rc_tight_values(rc_tight(fit, case, where), case))
  list(error = NULL, values = values, tight = tight, messages = heard$messages, warnings = heard$warnings)
}

rc_stamp <- function() {
  packages <- intersect(c("lme4", "nlme", "lmerTest", "mlmRev", "Matrix", "minqa", "nloptr", "boot", "pbkrtest"),
                        rownames(utils::installed.packages()))
  versions <- vapply(packages, function(p) utils::packageDescription(p)$Version, "")
  library_name <- function(path) paste(utils::tail(strsplit(normalizePath(path), "/")[[1]], 2), collapse = "/")
  list(
    R = R.version.string, platform = R.version$platform,
    packages = as.list(versions),
    BLAS = library_name(extSoftVersion()[["BLAS"]]), LAPACK = library_name(La_library()), LAPACK.version = La_version(),
    locale = Sys.getlocale(), RNGkind = RNGkind()
  )
}
