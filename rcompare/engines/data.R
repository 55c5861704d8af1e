# Data sets as R itself has them, and the canonical text whose hash says that two engines saw the same rows.

rc_owner <- c(
  sleepstudy = "lme4", Dyestuff = "lme4", Dyestuff2 = "lme4", Penicillin = "lme4", Pastes = "lme4", cake = "lme4",
  InstEval = "lme4", cbpp = "lme4", VerbAgg = "lme4", grouseticks = "lme4", Arabidopsis = "lme4",
  Oxboys = "nlme", Machines = "nlme", Orthodont = "nlme", ergoStool = "nlme", Rail = "nlme",
  MathAchieve = "nlme", MathAchSchool = "nlme", Chem97 = "mlmRev"
)

# High School and Beyond by the chapter's recipe: the school means of SES, joined to the schools, joined to the pupils.
rc_hsb <- function() {
  pupils <- as.data.frame(nlme::MathAchieve)
  schools <- as.data.frame(nlme::MathAchSchool)
  means <- tapply(pupils$SES, pupils$School, mean)
  level2 <- data.frame(School = names(means), mean.ses = as.vector(means), stringsAsFactors = FALSE)
  level2 <- merge(schools[, c("School", "Sector", "Size", "HIMINTY")], level2, by = "School")
  joined <- merge(level2, pupils[, c("School", "Sex", "SES", "MathAch", "Minority")], by = "School")
  joined <- joined[, c("School", "Sector", "mean.ses", "Size", "HIMINTY", "Sex", "SES", "MathAch", "Minority")]
  names(joined) <- tolower(names(joined))
  joined$school <- factor(as.character(joined$school), levels = as.character(schools$School))
  joined$sector <- factor(as.character(joined$sector), levels = c("Public", "Catholic"))
  joined$cses <- joined$ses - joined$mean.ses
  joined
}

rc_data <- function(name) {
  if (name == "HSB") return(rc_hsb())
  package <- rc_owner[[name]]
  where <- new.env()
  utils::data(list = name, package = package, envir = where)
  as.data.frame(where[[name]])
}

# One line a column (name, type, levels), then one line a column with its values: numbers with 17 significant digits,
# factors as integer codes.
rc_canonical <- function(d) {
  type <- function(x) {
    if (is.ordered(x)) "ordered" else if (is.factor(x)) "factor" else if (is.logical(x)) "logical"
    else if (is.numeric(x)) "number" else "text"
  }
  field <- function(x) {
    out <- switch(type(x), number = sprintf("%.17g", as.double(x)), text = as.character(x), as.character(as.integer(x)))
    ifelse(is.na(x), "NA", out)
  }
  head <- mapply(function(name, x) paste(c(name, type(x), levels(x)), collapse = "\t"), names(d), d)
  body <- vapply(d, function(x) paste(field(x), collapse = " "), "")
  paste(c(head, body, ""), collapse = "\n")
}
