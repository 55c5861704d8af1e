# Writes the data sets that pylmer ships, from the R packages that own them. Run from the root of the project:
#
#   LC_ALL=C Rscript ci/export_datasets.R
#
# One set gives two files in pylmer/datasets/data: <set>.csv.xz, whose factors are integer codes and whose numbers have
# the fewest of 15, 16, 17 digits that read back exactly, and <set>.schema.json with the type of every column, the
# levels in order, and where the data come from. fixtures/data/hashes.json gets, column by column, what a loader must
# reproduce: an MD5 sum of the doubles (little-endian), of the codes (32-bit integers), of the levels (UTF-8, a
# newline after each).

reference <- list(
  nlme = "Pinheiro, J. C. and Bates, D. M. (2000), Mixed-Effects Models in S and S-PLUS, Springer",
  lme4 = "Bates, D., Maechler, M., Bolker, B. and Walker, S. (2015), Journal of Statistical Software 67(1), 1-48",
  mlmRev = "Yang, M., Fielding, A. and Goldstein, H. (2002), Multilevel ordinal models for examination grades"
)
sets <- list(
  nlme = c("MathAchieve", "MathAchSchool", "Oxboys", "Machines", "Orthodont", "ergoStool", "Rail"),
  lme4 = c("sleepstudy", "Dyestuff", "Dyestuff2", "Penicillin", "Pastes", "cake", "InstEval", "cbpp", "VerbAgg",
           "grouseticks", "Arabidopsis"),
  mlmRev = "Chem97"
)
folder <- file.path("pylmer", "datasets", "data")

quoted <- function(x) paste0('"', gsub('(["\\\\])', "\\\\\\1", enc2utf8(x)), '"')

md5 <- function(bytes) {
  path <- tempfile()
  on.exit(unlink(path))
  writeBin(bytes, path)
  unname(tools::md5sum(path))
}

shortest <- function(x) {
  text <- sprintf("%.15g", x)
  for (digits in 16:17) {
    inexact <- as.numeric(text) != x
    text[inexact] <- sprintf(paste0("%.", digits, "g"), x[inexact])
  }
  text
}

type_of <- function(x) {
  if (anyNA(x)) stop("a missing value has no place in these files")
  if (is.ordered(x)) "ordered" else if (is.factor(x)) "factor"
  else if (is.integer(x)) "integer" else if (is.double(x)) "numeric"
  else stop("a column of class ", class(x)[1], " has no place in a schema")
}

field <- function(x) if (type_of(x) == "numeric") shortest(x) else as.character(as.integer(x))

write_csv <- function(d, path) {
  con <- xzfile(path, "wb", compression = 9)
  on.exit(close(con))
  rows <- do.call(paste, c(lapply(d, field), sep = ","))
  writeLines(c(paste(quoted(names(d)), collapse = ","), rows), con, sep = "\n")
}

# 1, 2, ..., n is written as its length: the 31,022 student numbers of Chem97 need no list.
levels_json <- function(x) {
  if (identical(x, as.character(seq_along(x)))) sprintf('{"count": %d}', length(x))
  else paste0("[", paste(quoted(x), collapse = ", "), "]")
}

column_json <- function(name, x) {
  levels <- if (is.factor(x)) paste0(', "levels": ', levels_json(levels(x))) else ""
  sprintf('    {"name": %s, "type": "%s"%s}', quoted(name), type_of(x), levels)
}

automatic_row_names <- function(d) identical(row.names(d), as.character(seq_len(nrow(d))))

write_schema <- function(d, set, package, path) {
  rows <- if (automatic_row_names(d)) '"automatic"' else paste0("[", paste(quoted(row.names(d)), collapse = ", "), "]")
  writeLines(c("{",
    sprintf('  "name": "%s",', set),
    sprintf('  "package": "%s",', package),
    sprintf('  "version": "%s",', packageDescription(package)$Version),
    sprintf('  "R": "%s",', getRversion()),
    sprintf('  "source": %s,', quoted(reference[[package]])),
    sprintf('  "rows": %d,', nrow(d)),
    sprintf('  "row_names": %s,', rows),
    '  "columns": [',
    paste(mapply(column_json, names(d), d), collapse = ",\n"),
    "  ]", "}"), path, useBytes = TRUE)
}

column_hash <- function(name, x) {
  part <- function(key, value) sprintf('"%s": "%s"', key, value)
  text_bytes <- function(text) charToRaw(paste0(paste(enc2utf8(text), collapse = "\n"), "\n"))
  values <- switch(type_of(x),
    numeric = part("doubles", md5(writeBin(as.double(x), raw(), endian = "little"))),
    part("integers", md5(writeBin(as.integer(x), raw(), endian = "little"))))
  levels <- if (is.factor(x)) part("levels", md5(text_bytes(levels(x))))
  sprintf('      %s: {%s}', quoted(name), paste(c(part("type", type_of(x)), values, levels), collapse = ", "))
}

set_hash <- function(d, set) {
  index <- md5(charToRaw(paste0(paste(row.names(d), collapse = "\n"), "\n")))
  columns <- paste(mapply(column_hash, names(d), d), collapse = ",\n")
  sprintf('  "%s": {\n    "rows": %d,\n    "row_names": "%s",\n    "columns": {\n%s\n    }\n  }',
          set, nrow(d), index, columns)
}

# High School and Beyond as the chapter joins it: not shipped, only hashed, because pylmer builds it too.
hsb_recipe <- function(pupils, schools) {
  mean_ses <- aggregate(SES ~ School, as.data.frame(pupils), mean)
  names(mean_ses)[2] <- "mean.ses"
  joined <- merge(schools[, c("School", "Sector", "Size", "HIMINTY")], mean_ses, by = "School")
  joined <- joined[, c("School", "Sector", "mean.ses", "Size", "HIMINTY")]
  hsb <- merge(joined, as.data.frame(pupils)[, c("School", "Sex", "SES", "MathAch", "Minority")], by = "School")
  names(hsb) <- tolower(names(hsb))
  hsb$cses <- with(hsb, ses - mean.ses)
  hsb$sector <- factor(hsb$sector, levels = c("Public", "Catholic"))
  hsb
}

all_sets <- list()
for (package in names(sets)) {
  for (set in sets[[package]]) {
    room <- new.env()
    data(list = set, package = package, envir = room)
    d <- room[[set]]
    write_csv(d, file.path(folder, paste0(set, ".csv.xz")))
    write_schema(d, set, package, file.path(folder, paste0(set, ".schema.json")))
    all_sets[[set]] <- d
  }
}
all_sets$HSB <- hsb_recipe(all_sets$MathAchieve, all_sets$MathAchSchool)
hashes <- mapply(set_hash, all_sets, names(all_sets))
writeLines(c("{", paste(hashes, collapse = ",\n"), "}"), file.path("fixtures", "data", "hashes.json"))
